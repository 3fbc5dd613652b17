// Does an expression make sense, given the types of what it names?
#include "base/text.h"
#include "pipeline/expression_node.h"

namespace leat {

using expressions::function_name;
using expressions::kReduce;
using expressions::Verb;
using expressions::wrong;

Result<Expression::Node::Static> Expression::Node::check(std::span<const Type> types) const {
  auto error = [&](std::string_view why) { return wrong(cat("character ", this->at, ": ", why)); };
  auto name = [](const Static& part) -> std::string {
    switch (part.kind) {
      case Kind::kBool:
        return "a bool";
      case Kind::kNumber:
        return "a number";
      case Kind::kText:
        return "a text";
      default:
        return cat("a value of type ", part.type.text());
    }
  };
  auto settled = [](const Type& type) -> Static {
    if (type.dims.size() > 0 || type.open) {
      return {type.dims.empty() ? Kind::kUnknown : Kind::kMany, type};
    }
    auto dtype = type.dtype();
    if (dtype == DType::kBool) return {Kind::kBool, type};
    if (dtype == DType::kBytes) return {Kind::kText, type};
    bool number = !type.allows(DType::kBool) && !type.allows(DType::kBytes);
    return {number ? Kind::kNumber : Kind::kUnknown, type};
  };
  auto can_be = [](const Static& part, Kind kind) {
    return part.kind == Kind::kUnknown || part.kind == kind;
  };
  switch (verb) {
    case Verb::kConstant:
      return Static{constant.index() == 0   ? Kind::kBool
                    : constant.index() == 3 ? Kind::kText
                                            : Kind::kNumber};
    case Verb::kReference:
      return settled(types[reference]);
    case Verb::kPresent:
      return Static{Kind::kBool};
    default:
      break;
  }
  LEAT_ASSIGN(Static a, left->check(types));
  Static b;
  if (right) {
    LEAT_ASSIGN(b, right->check(types));
  }
  switch (verb) {
    case Verb::kAnd:
    case Verb::kOr:
    case Verb::kNot:
      if (!can_be(a, Kind::kBool)) return error(cat(name(a), " is neither true nor false"));
      if (right && !can_be(b, Kind::kBool)) {
        return error(cat(name(b), " is neither true nor false"));
      }
      return Static{Kind::kBool};
    case Verb::kSize:
      if (a.kind == Kind::kBool || a.kind == Kind::kNumber) {
        return error(cat(name(a), " has no size"));
      }
      return Static{Kind::kNumber};
    case Verb::kMin:
    case Verb::kMax:
    case Verb::kAny:
    case Verb::kAll: {
      bool truth = verb == Verb::kAny || verb == Verb::kAll;
      bool texts = a.kind == Kind::kText || a.type.dtype() == DType::kBytes;
      bool bools = a.kind == Kind::kBool || a.type.dtype() == DType::kBool;
      if (texts || (bools && !truth)) {
        return error(cat(function_name(verb), " of ", truth ? "bools or numbers" : "numbers",
                         ", not of ", texts ? "texts" : "bools"));
      }
      return Static{truth ? Kind::kBool : Kind::kNumber};
    }
    case Verb::kAt: {
      if (a.kind == Kind::kBool || a.kind == Kind::kNumber || a.kind == Kind::kText) {
        return error(cat(name(a), " has no [i]"));
      }
      if (!can_be(b, Kind::kNumber)) return error("[i] takes a whole number");
      Type row = a.type;
      if (!row.dims.empty()) row.dims.erase(row.dims.begin());
      row.image = false;
      return settled(row);
    }
    default:
      break;
  }
  if (verb >= Verb::kAdd) {
    for (const Static* part : {&a, right ? &b : &a}) {
      if (!can_be(*part, Kind::kNumber)) {
        return error(cat("numbers can be calculated with, not ", name(*part),
                         part->kind == Kind::kMany ? kReduce : ""));
      }
    }
    return Static{Kind::kNumber};
  }
  bool ordered = verb != Verb::kEqual && verb != Verb::kNotEqual;
  bool fit = a.kind != Kind::kMany && b.kind != Kind::kMany &&
             (a.kind == b.kind || a.kind == Kind::kUnknown || b.kind == Kind::kUnknown) &&
             !(ordered && (a.kind == Kind::kBool || b.kind == Kind::kBool));
  if (!fit) {
    bool many = a.kind == Kind::kMany || b.kind == Kind::kMany;
    return error(cat(name(a), " cannot be compared with ", name(b), many ? kReduce : ""));
  }
  return Static{Kind::kBool};
}

Status Expression::check(std::span<const Type> types) const {
  LEAT_ASSIGN(Node::Static whole, root_->check(types));
  if (whole.kind == Node::Kind::kBool || whole.kind == Node::Kind::kUnknown) return {};
  return wrong("a condition must be true or false; compare the value with something");
}

}  // namespace leat

// An expression's tree is walked for every test. Operands are small values on the stack, so that a
// test allocates nothing.
#include "pipeline/expression.h"

#include <bit>
#include <cmath>
#include <compare>
#include <cstring>
#include <optional>

#include "base/half.h"
#include "base/text.h"
#include "pipeline/expression_node.h"

namespace leat {

using expressions::function_name;
using expressions::kReduce;
using expressions::Operand;
using expressions::Verb;
using expressions::Whole;
using expressions::wrong;

namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Operand element(const Tensor& tensor, int64_t i) {
  const std::byte* at = tensor.data();
  if (tensor.dtype() != DType::kBytes) at += static_cast<size_t>(i) * dtype_size(tensor.dtype());
  switch (tensor.dtype()) {
    case DType::kBool:
      return load<uint8_t>(at) != 0;
    case DType::kUint8:
      return Whole{load<uint8_t>(at)};
    case DType::kUint16:
      return Whole{load<uint16_t>(at)};
    case DType::kUint32:
      return Whole{load<uint32_t>(at)};
    case DType::kUint64: {
      auto value = load<uint64_t>(at);
      if (std::in_range<Whole>(value)) return static_cast<Whole>(value);
      return static_cast<double>(value);
    }
    case DType::kInt8:
      return Whole{load<int8_t>(at)};
    case DType::kInt16:
      return Whole{load<int16_t>(at)};
    case DType::kInt32:
      return Whole{load<int32_t>(at)};
    case DType::kInt64:
      return load<Whole>(at);
    case DType::kFp16:
      return static_cast<double>(half_to_float(load<uint16_t>(at)));
    case DType::kBf16:
      return static_cast<double>(
          std::bit_cast<float>(static_cast<uint32_t>(load<uint16_t>(at)) << 16));
    case DType::kFp32:
      return static_cast<double>(load<float>(at));
    case DType::kFp64:
      return load<double>(at);
    case DType::kBytes:
      return tensor.string(i);
  }
  return false;
}

// A tensor of rank 0 is its element.
Operand unwrapped(Tensor tensor) {
  if (tensor.shape().rank() > 0) return tensor;
  return element(tensor, 0);
}

std::string describe(const Operand& operand) {
  switch (operand.index()) {
    case 0:
      return std::get<bool>(operand) ? "true" : "false";
    case 1:
      return cat("the number ", std::get<Whole>(operand));
    case 2:
      return cat("the number ", std::get<double>(operand));
    case 3:
      return "a text";
    case 4: {
      const Tensor& tensor = std::get<Tensor>(operand);
      return cat("a value of type ", dtype_name(tensor.dtype()), tensor.shape().text());
    }
    default:
      return "a list";
  }
}

bool is_number(const Operand& operand) { return operand.index() == 1 || operand.index() == 2; }
double real(const Operand& operand) {
  const Whole* whole = std::get_if<Whole>(&operand);
  return whole ? static_cast<double>(*whole) : std::get<double>(operand);
}

std::partial_ordering compare_numbers(const Operand& a, const Operand& b) {
  if (a.index() == 1 && b.index() == 1) return std::get<Whole>(a) <=> std::get<Whole>(b);
  return real(a) <=> real(b);
}

Result<bool> compare(Verb verb, const Operand& a, const Operand& b) {
  std::partial_ordering order = std::partial_ordering::unordered;
  if (is_number(a) && is_number(b)) {
    order = compare_numbers(a, b);
  } else if (a.index() == 3 && b.index() == 3) {
    order = std::get<std::string_view>(a).compare(std::get<std::string_view>(b)) <=> 0;
  } else if (a.index() == 0 && b.index() == 0 &&
             (verb == Verb::kEqual || verb == Verb::kNotEqual)) {
    order = std::get<bool>(a) <=> std::get<bool>(b);
  } else {
    bool many = a.index() > 3 || b.index() > 3;
    return wrong(cat(describe(a), " cannot be compared with ", describe(b), many ? kReduce : ""));
  }
  switch (verb) {
    case Verb::kEqual:
      return order == 0;
    case Verb::kNotEqual:
      return order != 0;
    case Verb::kLess:
      return order < 0;
    case Verb::kLessEqual:
      return order <= 0;
    case Verb::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

Result<Operand> calculate(Verb verb, const Operand& a, const Operand& b) {
  if (!is_number(a) || !is_number(b)) {
    const Operand& bad = is_number(a) ? b : a;
    return wrong(
        cat("numbers can be calculated with, not ", describe(bad), bad.index() > 3 ? kReduce : ""));
  }
  if ((verb == Verb::kDivide || verb == Verb::kRemainder) && real(b) == 0) {
    return wrong("division by zero");
  }
  if (a.index() == 1 && b.index() == 1 && verb != Verb::kDivide) {
    Whole x = std::get<Whole>(a), y = std::get<Whole>(b), out = 0;
    if (verb == Verb::kRemainder) {
      if (y == -1) return Operand{Whole{0}};
      out = x % y;
      return Operand{out != 0 && (out < 0) != (y < 0) ? out + y : out};
    }
    bool over = verb == Verb::kAdd        ? __builtin_add_overflow(x, y, &out)
                : verb == Verb::kSubtract ? __builtin_sub_overflow(x, y, &out)
                                          : __builtin_mul_overflow(x, y, &out);
    if (!over) return Operand{out};
  }
  double x = real(a), y = real(b);
  switch (verb) {
    case Verb::kAdd:
      return Operand{x + y};
    case Verb::kSubtract:
      return Operand{x - y};
    case Verb::kMultiply:
      return Operand{x * y};
    case Verb::kDivide:
      return Operand{x / y};
    default:
      return Operand{x - y * std::floor(x / y)};
  }
}

// Calls `look` with every element until it gives an error or false.
template <typename Look>
Result<bool> for_elements(const Operand& many, const Look& look) {
  if (const Value* list = std::get_if<Value>(&many)) {
    for (const Value& row : list->rows()) {
      if (!row.present()) continue;
      auto more = row.is_list() ? for_elements(Operand{row}, look)
                                : for_elements(Operand{row.tensor()}, look);
      if (!more.ok() || !*more) return more;
    }
    return true;
  }
  const Tensor* tensor = std::get_if<Tensor>(&many);
  if (tensor == nullptr) return look(many);
  for (int64_t i = 0, n = tensor->shape().elements(); i < n; ++i) {
    Result<bool> more = look(element(*tensor, i));
    if (!more.ok() || !*more) return more;
  }
  return true;
}

Result<Operand> extreme(Verb verb, const Operand& many) {
  std::optional<Operand> best;
  auto seen = for_elements(many, [&](const Operand& next) -> Result<bool> {
    if (!is_number(next))
      return wrong(
          cat(function_name(verb), " of numbers, not of ", next.index() == 3 ? "texts" : "bools"));
    auto order = best ? compare_numbers(next, *best) : std::partial_ordering::less;
    bool first = !best;
    if (first || (verb == Verb::kMin ? order < 0 : order > 0)) best = next;
    return true;
  });
  if (!seen.ok()) return seen.status();
  if (!best) return wrong(cat(function_name(verb), " of nothing: the value has no elements"));
  return *std::move(best);
}

Result<Operand> truth_of(Verb verb, const Operand& many) {
  bool out = verb == Verb::kAll;
  auto seen = for_elements(many, [&](const Operand& next) -> Result<bool> {
    if (next.index() == 3) {
      return wrong(cat(function_name(verb), " of bools or numbers, not of texts"));
    }
    bool yes = next.index() == 0 ? std::get<bool>(next) : real(next) != 0;
    out = yes;
    return verb == Verb::kAll ? yes : !yes;  // go on until it is settled
  });
  if (!seen.ok()) return seen.status();
  return Operand{out};
}

Result<Operand> size_of(const Operand& of) {
  if (const auto* text = std::get_if<std::string_view>(&of)) {
    return Operand{static_cast<Whole>(text->size())};
  }
  if (const Value* list = std::get_if<Value>(&of)) {
    return Operand{static_cast<Whole>(list->rows().size())};
  }
  if (const Tensor* tensor = std::get_if<Tensor>(&of)) return Operand{Whole{tensor->shape()[0]}};
  return wrong(cat(describe(of), " has no size"));
}

Result<Operand> row_of(const Operand& of, const Operand& position) {
  if (of.index() < 4) return wrong(cat(describe(of), " has no [i]"));
  const Whole* i = std::get_if<Whole>(&position);
  if (i == nullptr) return wrong(cat("[i] takes a whole number, not ", describe(position)));
  Result<Operand> size = size_of(of);
  Whole n = std::get<Whole>(*size);
  if (*i < 0 || *i >= n) return wrong(cat("[", *i, "] of a value of size ", n));
  if (const Tensor* tensor = std::get_if<Tensor>(&of)) return unwrapped(tensor->row(*i));
  const Value& row = std::get<Value>(of).rows()[static_cast<size_t>(*i)];
  if (!row.present()) return wrong(cat("[", *i, "] is absent"));
  if (row.is_list()) return Operand{row};
  return unwrapped(row.tensor());
}

}  // namespace

Result<Operand> Expression::Node::logic(std::span<const Value* const> values) const {
  auto truth = [&](const Node& part) -> Result<bool> {
    LEAT_ASSIGN(Operand operand, part.evaluate(values));
    if (const bool* flag = std::get_if<bool>(&operand)) return *flag;
    return wrong(cat(describe(operand), " is neither true nor false"));
  };
  LEAT_ASSIGN(bool first, truth(*left));
  if (verb == Verb::kNot) return Operand{!first};
  if (first == (verb == Verb::kOr)) return Operand{first};
  LEAT_ASSIGN(bool second, truth(*right));
  return Operand{second};
}

Result<Operand> Expression::Node::evaluate(std::span<const Value* const> values) const {
  switch (verb) {
    case Verb::kConstant:
      if (const auto* text = std::get_if<std::string>(&constant)) {
        return Operand{std::string_view(*text)};
      }
      if (const auto* whole = std::get_if<Whole>(&constant)) return Operand{*whole};
      if (const auto* number = std::get_if<double>(&constant)) return Operand{*number};
      return Operand{std::get<bool>(constant)};
    case Verb::kReference: {
      const Value& value = *values[reference];
      if (!value.present()) return wrong("a value that the condition needs is absent");
      if (value.is_list()) return Operand{value};
      return unwrapped(value.tensor());
    }
    case Verb::kPresent:
      return Operand{values[left->reference]->present()};
    case Verb::kAnd:
    case Verb::kOr:
    case Verb::kNot:
      return logic(values);
    default:
      break;
  }
  LEAT_ASSIGN(Operand a, left->evaluate(values));
  switch (verb) {
    case Verb::kNegate:
      return calculate(Verb::kSubtract, Operand{Whole{0}}, a);
    case Verb::kSize:
      return size_of(a);
    case Verb::kMin:
    case Verb::kMax:
      return extreme(verb, a);
    case Verb::kAny:
    case Verb::kAll:
      return truth_of(verb, a);
    default:
      break;
  }
  LEAT_ASSIGN(Operand b, right->evaluate(values));
  if (verb == Verb::kAt) return row_of(a, b);
  if (verb >= Verb::kAdd) return calculate(verb, a, b);
  LEAT_ASSIGN(bool result, compare(verb, a, b));
  return Operand{result};
}

Expression::Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Expression Expression::both(Expression first, Expression second) {
  Expression out;
  out.root_ = std::make_unique<Node>();
  out.root_->verb = Verb::kAnd;
  out.root_->at = 1;
  second.root_->shift(first.references_.size());
  out.root_->left = std::move(first.root_);
  out.root_->right = std::move(second.root_);
  out.references_ = std::move(first.references_);
  out.may_be_absent_ = std::move(first.may_be_absent_);
  out.references_.insert(out.references_.end(), second.references_.begin(),
                         second.references_.end());
  out.may_be_absent_.insert(out.may_be_absent_.end(), second.may_be_absent_.begin(),
                            second.may_be_absent_.end());
  return out;
}

Result<bool> Expression::test(std::span<const Value* const> values) const {
  LEAT_ASSIGN(Operand result, root_->evaluate(values));
  if (const bool* flag = std::get_if<bool>(&result)) return *flag;
  return wrong(cat("a condition must be true or false, not ", describe(result)));
}

}  // namespace leat

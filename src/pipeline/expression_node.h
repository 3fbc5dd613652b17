// A node of an expression, and what those who read (expression_parser.cc), check
// (expression_check.cc) and evaluate it (expression.cc) share.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/expression.h"

namespace leat {

namespace expressions {

enum class Verb : uint8_t {
  kConstant,
  kReference,  // leaves
  kAnd,
  kOr,
  kNot,  // logic
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kNegate,
  kSize,
  kMin,
  kMax,
  kAny,
  kAll,
  kPresent,
  kAt,  // of values
};

struct Function {
  std::string_view name;
  Verb verb;
};
constexpr Function kFunctions[] = {{"size", Verb::kSize}, {"min", Verb::kMin},
                                   {"max", Verb::kMax},   {"any", Verb::kAny},
                                   {"all", Verb::kAll},   {"present", Verb::kPresent}};

inline std::string_view function_name(Verb verb) {
  for (const Function& function : kFunctions) {
    if (function.verb == verb) return function.name;
  }
  return {};
}

// What a part of an expression is worth.
using Whole = int64_t;
using Operand = std::variant<bool, Whole, double, std::string_view, Tensor, Value>;

inline Status wrong(std::string_view why) { return Status(Code::kBadInput, std::string(why)); }

constexpr std::string_view kReduce = "; size, min, max, any, all or [i] make one value of many";

}  // namespace expressions

struct Expression::Node {
  expressions::Verb verb = expressions::Verb::kConstant;
  size_t at = 0;         // character in the text, from 1
  size_t reference = 0;  // of kReference
  std::variant<bool, expressions::Whole, double, std::string> constant{};
  std::unique_ptr<Node> left, right;

  // Moves every reference by `by`, for both().
  void shift(size_t by) {
    if (verb == expressions::Verb::kReference) reference += by;
    if (left) left->shift(by);
    if (right) right->shift(by);
  }
  Result<expressions::Operand> evaluate(std::span<const Value* const> values) const;
  Result<expressions::Operand> logic(std::span<const Value* const> values) const;

  // What is known without running: the part's kind and, of a value, its type.
  enum class Kind : uint8_t { kUnknown, kBool, kNumber, kText, kMany };
  struct Static {
    Kind kind = Kind::kUnknown;
    Type type = Type::anything();
  };
  Result<Static> check(std::span<const Type> types) const;
};

}  // namespace leat

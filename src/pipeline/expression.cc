// A text becomes a tree of nodes, by recursive descent; the tree is walked for every test. Operands
// are small values on the stack, so that a test allocates nothing.
#include "pipeline/expression.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <variant>

#include "base/text.h"

namespace leat {

namespace {

constexpr size_t kLongest = 4096;
constexpr int kDeepest = 64;

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

std::string_view function_name(Verb verb) {
  for (const Function& function : kFunctions) {
    if (function.verb == verb) return function.name;
  }
  return {};
}

// What a part of an expression is worth.
using Whole = int64_t;
using Operand = std::variant<bool, Whole, double, std::string_view, Tensor, Value>;

Status wrong(std::string_view why) { return Status(Code::kBadInput, std::string(why)); }

float widen_half(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  int fraction = bits & 1023;
  float size = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                               : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -size : size;
}

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
      return static_cast<double>(widen_half(load<uint16_t>(at)));
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

constexpr std::string_view kReduce = "; size, min, max, any, all or [i] make one value of many";

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

struct Expression::Node {
  Verb verb = Verb::kConstant;
  size_t at = 0;         // character in the text, from 1
  size_t reference = 0;  // of kReference
  std::variant<bool, Whole, double, std::string> constant{};
  std::unique_ptr<Node> left, right;

  // Moves every reference by `by`, for both().
  void shift(size_t by) {
    if (verb == Verb::kReference) reference += by;
    if (left) left->shift(by);
    if (right) right->shift(by);
  }
  Result<Operand> evaluate(std::span<const Value* const> values) const;
  Result<Operand> logic(std::span<const Value* const> values) const;

  // What is known without running: the part's kind and, of a value, its type.
  enum class Kind : uint8_t { kUnknown, kBool, kNumber, kText, kMany };
  struct Static {
    Kind kind = Kind::kUnknown;
    Type type = Type::anything();
  };
  Result<Static> check(std::span<const Type> types) const;
};

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

// The grammar, loosest first: or | and | not | comparison | + - | * / % | - | [i] | the rest.
class ExpressionParser {
 public:
  using Node = Expression::Node;
  using Tree = std::unique_ptr<Node>;

  explicit ExpressionParser(std::string_view text) : text_(text) {}

  Result<Tree> whole() {
    LEAT_ASSIGN(Tree tree, any_of());
    skip_blanks();
    if (at_ < text_.size()) return error("an operator or the end is wanted");
    return tree;
  }

  std::vector<std::string> references;
  std::vector<bool> may_be_absent;

 private:
  Status error(std::string_view why) {
    skip_blanks();
    if (at_ >= text_.size()) return wrong(cat("character ", at_ + 1, ": the end found; ", why));
    return wrong(cat("character ", at_ + 1, ": ", text_.substr(at_, 12), " found; ", why));
  }

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }

  bool take(std::string_view symbol) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    size_t end = at_ + symbol.size();
    if (is_word(symbol[0]) && end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  Tree node(Verb verb, size_t at, Tree left = nullptr, Tree right = nullptr) {
    auto out = std::make_unique<Node>();
    out->verb = verb;
    out->at = at;
    out->left = std::move(left);
    out->right = std::move(right);
    return out;
  }

  size_t here() {
    skip_blanks();
    return at_ + 1;
  }

  // `verbs` between parts of the next tighter kind, from left to right. Every operator deepens the
  // tree on its left, which is why they are counted.
  Result<Tree> chain(std::span<const std::pair<std::string_view, Verb>> verbs,
                     Result<Tree> (ExpressionParser::*part)()) {
    LEAT_ASSIGN(Tree left, (this->*part)());
    while (true) {
      size_t at = here();
      auto found = std::find_if(verbs.begin(), verbs.end(),
                                [&](const auto& entry) { return take(entry.first); });
      if (found == verbs.end()) return left;
      if (++operators_ > kMostOperators) return error("too many operators in one expression");
      LEAT_ASSIGN(Tree right, (this->*part)());
      left = node(found->second, at, std::move(left), std::move(right));
    }
  }

  Result<Tree> any_of() {
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {{"or", Verb::kOr}};
    return chain(kVerbs, &ExpressionParser::all_of);
  }
  Result<Tree> all_of() {
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {{"and", Verb::kAnd}};
    return chain(kVerbs, &ExpressionParser::negation);
  }

  Result<Tree> negation() {
    size_t at = here();
    if (!take("not")) return comparison();
    if (++depth_ > kDeepest) return error("nested too deep");
    LEAT_ASSIGN(Tree part, negation());
    --depth_;
    return node(Verb::kNot, at, std::move(part));
  }

  std::optional<Verb> comparator() {
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {
        {"==", Verb::kEqual},        {"!=", Verb::kNotEqual}, {"<=", Verb::kLessEqual},
        {">=", Verb::kGreaterEqual}, {"<", Verb::kLess},      {">", Verb::kGreater}};
    for (auto [symbol, verb] : kVerbs) {
      if (take(symbol)) return verb;
    }
    return std::nullopt;
  }

  Result<Tree> comparison() {
    LEAT_ASSIGN(Tree left, sum());
    size_t at = here();
    auto verb = comparator();
    if (!verb) {
      if (take("=")) {
        --at_;
        return error("== compares");
      }
      return left;
    }
    LEAT_ASSIGN(Tree right, sum());
    size_t before = at_;
    if (comparator()) {
      at_ = before;
      return error("comparisons are joined with `and`, as in a < b and b < c");
    }
    return node(*verb, at, std::move(left), std::move(right));
  }

  Result<Tree> sum() {
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {{"+", Verb::kAdd},
                                                                   {"-", Verb::kSubtract}};
    return chain(kVerbs, &ExpressionParser::product);
  }
  Result<Tree> product() {
    static constexpr std::pair<std::string_view, Verb> kVerbs[] = {
        {"*", Verb::kMultiply}, {"/", Verb::kDivide}, {"%", Verb::kRemainder}};
    return chain(kVerbs, &ExpressionParser::sign);
  }

  Result<Tree> sign() {
    size_t at = here();
    if (!take("-")) return indexed();
    if (++depth_ > kDeepest) return error("nested too deep");
    LEAT_ASSIGN(Tree part, sign());
    --depth_;
    return node(Verb::kNegate, at, std::move(part));
  }

  Result<Tree> indexed() {
    LEAT_ASSIGN(Tree of, primary());
    while (true) {
      size_t at = here();
      if (!take("[")) return of;
      if (++operators_ > kMostOperators) return error("too many operators in one expression");
      LEAT_ASSIGN(Tree position, nested());
      if (!take("]")) return error("] is wanted");
      of = node(Verb::kAt, at, std::move(of), std::move(position));
    }
  }

  Result<Tree> nested() {
    if (++depth_ > kDeepest) return error("nested too deep");
    LEAT_ASSIGN(Tree inside, any_of());
    --depth_;
    return inside;
  }

  Result<Tree> primary() {
    size_t at = here();
    if (at_ >= text_.size()) return error("a value is wanted");
    char c = text_[at_];
    if (take("(")) {
      LEAT_ASSIGN(Tree inside, nested());
      if (!take(")")) return error(") is wanted");
      return inside;
    }
    if (c == '"' || c == '\'') return quoted();
    if ((c >= '0' && c <= '9') || c == '.') return number();
    if (take("true") || take("false")) {
      Tree out = node(Verb::kConstant, at);
      out->constant = c == 't';
      return out;
    }
    for (auto [name, verb] : kFunctions) {
      size_t before = at_;
      if (!take(name)) continue;
      if (take("(")) return call(verb, at);
      at_ = before;
    }
    return reference(false);
  }

  Result<Tree> call(Verb verb, size_t at) {
    Result<Tree> argument = verb == Verb::kPresent ? reference(true) : nested();
    if (!argument.ok()) return argument.status();
    if (!take(")")) return error(") is wanted");
    return node(verb, at, *std::move(argument));
  }

  Result<Tree> quoted() {
    size_t at = here();
    char quote = text_[at_];
    size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) return error("the closing quote is missing");
    Tree out = node(Verb::kConstant, at);
    out->constant = std::string(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  Result<Tree> number() {
    Tree out = node(Verb::kConstant, here());
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    Whole whole = 0;
    double fraction = 0;
    auto [whole_end, whole_error] = std::from_chars(begin, end, whole);
    auto [stop, failed] = std::from_chars(begin, end, fraction);
    if (failed != std::errc()) return error("a number is wanted");
    if (whole_error == std::errc() && whole_end == stop) {
      out->constant = whole;
    } else {
      out->constant = fraction;
    }
    if (stop != end && is_word(*stop)) return error("a number is wanted");
    at_ = static_cast<size_t>(stop - text_.data());
    return out;
  }

  // As the text has it, without blanks around: `a`, `a.b`, `a["b.c"]`, `rows(a.b)`.
  Result<Tree> reference(bool inside_present) {
    Tree out = node(Verb::kReference, here());
    size_t begin = at_;
    if (begin >= text_.size() || !is_word(text_[begin]) || std::isdigit(text_[begin])) {
      return error("a value is wanted");
    }
    bool rows = take("rows");
    if (rows && !take("(")) {
      at_ = begin;
      return error("rows(x) is wanted");
    }
    skip_blanks();
    take_path();
    if (rows && !take(")")) return error(") is wanted");
    std::string written(text_.substr(begin, at_ - begin));
    if (written == "and" || written == "or" || written == "not") {
      at_ = begin;
      return error("a value is wanted");
    }
    auto known = std::find(references.begin(), references.end(), written);
    out->reference = static_cast<size_t>(known - references.begin());
    if (known == references.end()) {
      references.push_back(std::move(written));
      may_be_absent.push_back(true);
    }
    if (!inside_present) may_be_absent[out->reference] = false;
    return out;
  }

  void take_path() {
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ + 1 < text_.size() && text_[at_] == '[' &&
        (text_[at_ + 1] == '"' || text_[at_ + 1] == '\'')) {
      size_t end = text_.find(std::string{text_[at_ + 1], ']'}, at_ + 2);
      if (end != text_.npos) at_ = end + 2;
      return;
    }
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) ++at_;
  }

  static constexpr int kMostOperators = 256;

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int operators_ = 0;
};

Expression::Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > kLongest) {
    return wrong(
        cat("an expression of ", text.size(), " characters; at most ", kLongest, " are allowed"));
  }
  ExpressionParser parser(text);
  LEAT_ASSIGN(std::unique_ptr<Node> root, parser.whole());
  Expression out;
  out.root_ = std::move(root);
  out.references_ = std::move(parser.references);
  out.may_be_absent_ = std::move(parser.may_be_absent);
  return out;
}

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

Status Expression::check(std::span<const Type> types) const {
  LEAT_ASSIGN(Node::Static whole, root_->check(types));
  if (whole.kind == Node::Kind::kBool || whole.kind == Node::Kind::kUnknown) return {};
  return wrong("a condition must be true or false; compare the value with something");
}

Result<bool> Expression::test(std::span<const Value* const> values) const {
  LEAT_ASSIGN(Operand result, root_->evaluate(values));
  if (const bool* flag = std::get_if<bool>(&result)) return *flag;
  return wrong(cat("a condition must be true or false, not ", describe(result)));
}

}  // namespace leat

// A text becomes a tree of nodes, by recursive descent.
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "pipeline/expression_node.h"

namespace leat {

using expressions::kFunctions;
using expressions::Verb;
using expressions::Whole;
using expressions::wrong;

namespace {

constexpr size_t kLongest = 4096;
constexpr int kDeepest = 64;

}  // namespace

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

}  // namespace leat

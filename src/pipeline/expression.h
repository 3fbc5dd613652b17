// Expressions of `when:`. Comparisons (== != < <= > >=), and or not, + - * / %, parentheses;
// size(x) (of axis 0, or a string's length), min max any all (over a value's elements), present(x),
// x[i] (from 0); numbers, 'strings' and "strings", true, false. Whole numbers stay exact; / always
// gives a real number, and % has the sign of its right side. References (`found.boxes`, `index`,
// `rec["a.b"]`, `rows(x)`) are collected once at parse, evaluated without look-ups.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leat/pipeline.h"
#include "leat/status.h"

namespace leat {

class Expression {
 public:
  // kBadInput: what is wrong, and at which character (counted from 1).
  static Result<Expression> parse(std::string_view text);
  // `first and second`. The references are those of the first, then those of the second.
  static Expression both(Expression first, Expression second);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  // Every distinct reference as written, in the order of the values that test() takes.
  const std::vector<std::string>& references() const { return references_; }
  // Those that may be absent: they stand only inside present(). A step whose condition needs an
  // absent value is skipped.
  const std::vector<bool>& may_be_absent() const { return may_be_absent_; }
  // Given what the references are, does the expression make sense? The reason if not. `types` as
  // references(); a type of every dtype and any rank is "not known".
  Status check(std::span<const Type> types) const;
  // The truth of it. kBadInput with the reason: comparing text with a number, an index out of
  // range, min of nothing.
  Result<bool> test(std::span<const Value* const> values) const;

 private:
  friend class ExpressionParser;
  struct Node;
  Expression();
  std::unique_ptr<Node> root_;
  std::vector<std::string> references_;
  std::vector<bool> may_be_absent_;
};

}  // namespace leat

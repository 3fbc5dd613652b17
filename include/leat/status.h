// What went wrong, for a person and for a program.
//
// A Status is one pointer wide and free when all is well. A user's mistake is a Status that names
// the field, the value and what is allowed; a programmer's mistake is an assert. Codes are stable:
// they are the `code` of an HTTP answer (serve/ maps them to HTTP and gRPC numbers, in one table)
// and the names of exceptions in other languages.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace leat {

enum class Code : uint8_t {
  kOk,
  kBadInput,     // the caller's value, shape, type or file is wrong
  kNotFound,     // no such pipeline, version, step or file
  kTooLarge,     // over a size limit
  kBadMedia,     // not a picture (sound, video) that can be read
  kOverloaded,   // a queue is full or a limit reached: try again later
  kDeadline,     // past the deadline
  kCancelled,    // the caller left
  kStepFailed,   // a step of the pipeline failed on this item
  kUnavailable,  // loading, or shutting down
  kUnsupported,  // not in this build
  kInternal,     // a defect of leat
};

// The code as it stands in answers: "bad_input", "deadline", ...
std::string_view code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : rep_(new Rep{code, std::move(message)}) {
    assert(code != Code::kOk);
  }
  Status(const Status& other) : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}
  Status& operator=(const Status& other) {
    if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
    return *this;
  }
  Status(Status&&) = default;
  Status& operator=(Status&&) = default;

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  const std::string& message() const;

  // The same code with `context` and ": " in front of the message.
  Status within(std::string_view context) const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

// A value, or why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT: implicit on purpose
  template <typename U>                          // a derived object for its interface
    requires(std::convertible_to<U, T> && !std::convertible_to<U, Status>)
  Result(U value) : state_(T(std::move(value))) {}  // NOLINT
  Result(Status status) : state_(std::move(status)) { assert(!std::get<Status>(state_).ok()); }

  bool ok() const { return state_.index() == 0; }
  const T& operator*() const& { return std::get<T>(state_); }
  T& operator*() & { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  const T* operator->() const { return &std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }
  const Status& status() const {
    static const Status fine;
    return ok() ? fine : std::get<Status>(state_);
  }

 private:
  std::variant<T, Status> state_;
};

}  // namespace leat

// Returns from the enclosing function when `expression` is a Status that is not ok.
#define LEAT_TRY(expression)                                                  \
  do {                                                                        \
    if (::leat::Status leat_try_status = (expression); !leat_try_status.ok()) \
      return leat_try_status;                                                 \
  } while (false)

// Declares or assigns `target` from a Result, or returns its Status.
#define LEAT_ASSIGN(target, expression) \
  LEAT_ASSIGN_IMPL_(LEAT_CONCAT_(leat_result_, __LINE__), target, expression)
#define LEAT_ASSIGN_IMPL_(result, target, expression) \
  auto result = (expression);                         \
  if (!result.ok()) return result.status();           \
  target = *std::move(result)
#define LEAT_CONCAT_(a, b) LEAT_CONCAT2_(a, b)
#define LEAT_CONCAT2_(a, b) a##b

#include "leat/status.h"

#include "base/text.h"

namespace leat {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kBadInput:
      return "bad_input";
    case Code::kNotFound:
      return "not_found";
    case Code::kTooLarge:
      return "too_large";
    case Code::kBadMedia:
      return "bad_media";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kDeadline:
      return "deadline";
    case Code::kCancelled:
      return "cancelled";
    case Code::kStepFailed:
      return "step_failed";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

const std::string& Status::message() const {
  static const std::string none;
  return rep_ ? rep_->message : none;
}

Status Status::within(std::string_view context) const {
  if (ok()) return {};
  return Status(code(), cat(context, ": ", message()));
}

}  // namespace leat

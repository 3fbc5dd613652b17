// What a failure becomes over HTTP: the one table.
#pragma once

#include "leat/status.h"

namespace leat {

constexpr int http_status(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kBadInput:
      return 400;
    case Code::kNotFound:
      return 404;
    case Code::kTooLarge:
      return 413;
    case Code::kBadMedia:
      return 415;
    case Code::kOverloaded:
      return 429;
    case Code::kDeadline:
      return 504;
    case Code::kCancelled:
      return 499;
    case Code::kStepFailed:
      return 500;
    case Code::kUnavailable:
      return 503;
    case Code::kUnsupported:
      return 501;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

// Failures of HTTP itself, which have no Code of their own.
constexpr int kMethodNotAllowed = 405;
constexpr int kRequestTimeout = 408;
constexpr int kHeaderTooLarge = 431;

}  // namespace leat

// What a person can use of OpenVINO's error messages.
#pragma once

#include <string>
#include <string_view>

namespace leat::ov {

// One line, without the library's own source places and failed checks, unless nothing else is left;
// of a conversion that failed the summary: which operators it was.
std::string reason_of(std::string_view message);

}  // namespace leat::ov

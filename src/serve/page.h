// The page of GET /, made from web/page.html when the program is built.
#pragma once

#include <string_view>

namespace leat {

extern const std::string_view kPage;

}  // namespace leat

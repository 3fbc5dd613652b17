#include "pipeline/graph.h"

#include "base/text.h"

namespace leat {

Result<std::string> draw(const Linked&, std::string_view format) {
  return Status(Code::kBadInput,
                cat("\"", format, "\" is no format; allowed: mermaid, dot or svg"));
}

}  // namespace leat

#include "pipeline/graph.h"

#include "base/text.h"
#include "pipeline/drawing/drawing.h"

namespace leat {

Result<std::string> draw(const Linked& linked, std::string_view format) {
  if (format == "mermaid") return as_mermaid(drawing_of(linked));
  if (format == "dot") return as_dot(drawing_of(linked));
  if (format == "svg") return as_svg(drawing_of(linked));
  return Status(Code::kBadInput,
                cat("\"", format, "\" is no format; allowed: mermaid, dot or svg"));
}

}  // namespace leat

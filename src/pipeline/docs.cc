// The tables of docs/pipeline.md.
#include "base/text.h"
#include "pipeline/format.h"
#include "pipeline/schema.h"

namespace leat {

std::string option_tables() {
  std::string out;
  for (const Table* table : all_tables()) {
    out += cat(out.empty() ? "" : "\n", "### `", table->name, "`\n\n", table->doc,
               "\n\n| key | takes | default | what it means |\n|---|---|---|---|\n");
    for (const KeySpec& key : table->keys) {
      std::string fallback = key.required           ? "required"
                             : key.fallback.empty() ? ""
                                                    : cat("`", key.fallback, "`");
      out += cat("| `", key.name, "` | ", key.takes, " | ", fallback, " | ", key.doc,
                 key.not_yet ? " *Not in this build.*" : "");
      for (std::string_view word : key.words_not_yet)
        out += cat(" `", word, "` is not in this build.");
      out += " |\n";
    }
  }
  return out;
}

}  // namespace leat

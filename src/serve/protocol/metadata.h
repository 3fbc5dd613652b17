// What the protocol tells about a server and its models, as JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "leat/pipeline.h"

namespace leat {

void write_server_metadata(std::string& out);
void write_model_metadata(std::string_view name, std::span<const std::string> versions,
                          const Pipeline& pipeline, std::string& out);
// A Triton ModelConfig, as far as a pipeline has one.
void write_model_config(std::string_view name, const Pipeline& pipeline, std::string& out);

struct ServedStats {
  std::string_view name;
  std::string_view version;
  PipelineStats stats;
};
// {"model_stats": [...]} with every field of the statistics extension.
void write_statistics(std::span<const ServedStats> all, std::string& out);

}  // namespace leat

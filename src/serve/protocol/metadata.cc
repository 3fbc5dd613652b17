#include "serve/protocol/metadata.h"

#include <algorithm>
#include <bit>

#include "base/text.h"
#include "leat/version.h"
#include "serve/protocol/json_writer.h"

namespace leat {

namespace {

// The protocol names one type a port; of several, the first.
DType type_of(const Port& port) {
  return port.type.dtype().value_or(static_cast<DType>(std::countr_zero(port.type.dtypes)));
}

// An item's dimensions. The protocol has no scalars: one is [1]; and where even the rank is open
// there is one dimension of any size.
void write_dims(JsonWriter& json, const Port& port, bool batched, bool scalar_is_one) {
  json.begin_array();
  if (batched) json.number(-1);
  for (const Dim& dim : port.type.dims) json.number(dim.size);
  if (port.type.open) {
    json.number(-1);
  } else if (port.type.dims.empty() && scalar_is_one) {
    json.number(1);
  }
  json.end_array();
}

void write_ports(JsonWriter& json, const std::vector<Port>& ports, bool batched) {
  json.begin_array();
  for (const Port& port : ports) {
    json.begin_object().member("name", port.name).member("datatype", dtype_name(type_of(port)));
    json.key("shape");
    write_dims(json, port, batched, !batched);
    json.end_object();
  }
  json.end_array();
}

void write_timed(JsonWriter& json, std::string_view name, const PipelineStats::Timed& timed) {
  json.key(name).begin_object().member("count", timed.count).member("ns", timed.nanos).end_object();
}

}  // namespace

void write_server_metadata(std::string& out) {
  JsonWriter json(out);
  json.begin_object().member("name", "leat").member("version", version());
  json.key("extensions").begin_array();
  for (std::string_view extension :
       {"classification", "model_repository", "schedule_policy", "model_configuration",
        "binary_tensor_data", "parameters", "statistics"}) {
    json.string(extension);
  }
  json.end_array().end_object();
}

void write_model_metadata(std::string_view name, std::span<const std::string> versions,
                          const Pipeline& pipeline, std::string& out) {
  JsonWriter json(out);
  json.begin_object().member("name", name).key("versions").begin_array();
  for (const std::string& version : versions) json.string(version);
  json.end_array().member("platform", pipeline.platform()).key("inputs");
  write_ports(json, pipeline.inputs(), pipeline.batched());
  json.key("outputs");
  write_ports(json, pipeline.outputs(), pipeline.batched());
  json.end_object();
}

void write_model_config(std::string_view name, const Pipeline& pipeline, std::string& out) {
  bool batched = pipeline.batched();
  JsonWriter json(out);
  json.begin_object().member("name", name).member("platform", pipeline.platform());
  json.member("backend", "leat");
  json.key("version_policy").raw("{\"latest\":{\"num_versions\":1}}");
  json.member("max_batch_size", pipeline.max_items());
  auto type_name = [](const Port& port) {
    DType type = type_of(port);
    return cat("TYPE_", type == DType::kBytes ? "STRING" : dtype_name(type));
  };
  json.key("input").begin_array();
  for (const Port& port : pipeline.inputs()) {
    json.begin_object().member("name", port.name).member("data_type", type_name(port));
    json.member("format", "FORMAT_NONE").key("dims");
    write_dims(json, port, false, true);
    if (batched && port.type.dims.empty() && !port.type.open)
      json.key("reshape").raw("{\"shape\":[]}");
    json.member("is_shape_tensor", false).member("allow_ragged_batch", false);
    json.member("optional", port.optional).end_object();
  }
  json.end_array().key("output").begin_array();
  for (const Port& port : pipeline.outputs()) {
    json.begin_object().member("name", port.name).member("data_type", type_name(port)).key("dims");
    write_dims(json, port, false, true);
    json.member("label_filename", "").member("is_shape_tensor", false).end_object();
  }
  json.end_array();
  if (batched) {
    json.key("dynamic_batching").begin_object().key("preferred_batch_size").raw("[]");
    json.member("max_queue_delay_microseconds", 0).end_object();
  }
  for (std::string_view empty : {"batch_input", "batch_output", "instance_group", "model_warmup"}) {
    json.key(empty).raw("[]");
  }
  for (std::string_view empty : {"cc_model_filenames", "metric_tags", "parameters"}) {
    json.key(empty).raw("{}");
  }
  json.member("default_model_filename", "");
  json.key("model_transaction_policy").raw("{\"decoupled\":false}");
  json.end_object();
}

void write_statistics(std::span<const ServedStats> all, std::string& out) {
  JsonWriter json(out);
  json.begin_object().key("model_stats").begin_array();
  for (const auto& [name, version, stats] : all) {
    json.begin_object().member("name", name).member("version", version);
    json.member("last_inference", stats.last_call_unix_ms).member("inference_count", stats.items);
    json.member("execution_count", stats.executions);
    json.key("inference_stats").begin_object();
    write_timed(json, "success", stats.success);
    write_timed(json, "fail", stats.fail);
    write_timed(json, "queue", stats.queue);
    write_timed(json, "compute_input", stats.compute_input);
    write_timed(json, "compute_infer", stats.compute_infer);
    write_timed(json, "compute_output", stats.compute_output);
    write_timed(json, "cache_hit", {});
    write_timed(json, "cache_miss", {});
    json.end_object().key("response_stats").raw("{}").key("batch_stats").begin_array();
    for (const auto& batch : stats.batches) {
      json.begin_object().member("batch_size", batch.size);
      write_timed(json, "compute_input", {batch.count, batch.input_nanos});
      write_timed(json, "compute_infer", {batch.count, batch.infer_nanos});
      write_timed(json, "compute_output", {batch.count, batch.output_nanos});
      json.end_object();
    }
    json.end_array().key("memory_usage").raw("[]").end_object();
  }
  json.end_array().end_object();
}

}  // namespace leat

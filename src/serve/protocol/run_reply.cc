#include "serve/protocol/run_reply.h"

#include "serve/http/request_head.h"
#include "serve/protocol/base64.h"
#include "serve/protocol/half.h"
#include "serve/protocol/json_writer.h"

namespace leat {

namespace {

void write_element(JsonWriter& json, const Tensor& tensor, size_t i) {
  switch (tensor.dtype()) {
    case DType::kBool:
      json.boolean(tensor.values<bool>()[i]);
      break;
    case DType::kUint8:
      json.number(tensor.values<uint8_t>()[i]);
      break;
    case DType::kUint16:
      json.number(tensor.values<uint16_t>()[i]);
      break;
    case DType::kUint32:
      json.number(tensor.values<uint32_t>()[i]);
      break;
    case DType::kUint64:
      json.number(tensor.values<uint64_t>()[i]);
      break;
    case DType::kInt8:
      json.number(tensor.values<int8_t>()[i]);
      break;
    case DType::kInt16:
      json.number(tensor.values<int16_t>()[i]);
      break;
    case DType::kInt32:
      json.number(tensor.values<int32_t>()[i]);
      break;
    case DType::kInt64:
      json.number(tensor.values<int64_t>()[i]);
      break;
    case DType::kFp16:
      json.number(tensor.values<Half>()[i].real());
      break;
    case DType::kBf16:
      json.number(tensor.values<Brain>()[i].real());
      break;
    case DType::kFp32:
      json.number(tensor.values<float>()[i]);
      break;
    case DType::kFp64:
      json.number(tensor.values<double>()[i]);
      break;
    case DType::kBytes: {
      std::string_view bytes = tensor.string(static_cast<int64_t>(i));
      if (valid_utf8(bytes) == bytes.size()) {
        json.string(bytes);
      } else {
        std::string packed = "{\"b64\":\"";
        append_base64(packed, bytes);
        packed += "\"}";
        json.raw(packed);
      }
    }
  }
}

void write_axis(JsonWriter& json, const Tensor& tensor, int axis, size_t& next) {
  if (axis == tensor.shape().rank()) return write_element(json, tensor, next++);
  json.begin_array();
  for (int64_t i = 0; i < tensor.shape()[axis]; ++i) write_axis(json, tensor, axis + 1, next);
  json.end_array();
}

void write_value(JsonWriter& json, const Value& value) {
  if (!value.present()) {
    json.null();
  } else if (value.is_list()) {
    json.begin_array();
    for (const Value& row : value.rows()) write_value(json, row);
    json.end_array();
  } else {
    size_t next = 0;
    write_axis(json, value.tensor(), 0, next);
  }
}

std::string_view picture_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return {};
}

}  // namespace

void write_run(const Pipeline& pipeline, const Answer& answer, bool trace, Scatter& reply) {
  JsonWriter json(reply.text());
  json.begin_object();
  for (size_t i = 0; i < answer.outputs.size(); ++i) {
    json.key(pipeline.outputs()[i].name);
    write_value(json, answer.outputs[i]);
  }
  if (trace) {
    json.key("trace").begin_array();
    for (const StepTime& step : answer.trace) {
      json.begin_object()
          .member("step", step.step)
          .member("row", step.row)
          .member("batch", step.batch);
      json.key("ready_us").number(static_cast<double>(step.ready) / 1e3);
      json.key("begin_us").number(static_cast<double>(step.begin) / 1e3);
      json.key("end_us").number(static_cast<double>(step.end) / 1e3);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

std::string_view write_picture(const Pipeline& pipeline, const Answer& answer,
                               std::string_view accept, Scatter& reply) {
  if (accept.find("image/") == std::string_view::npos) return {};
  if (pipeline.outputs().size() != 1 || answer.outputs.size() != 1) return {};
  const Value& value = answer.outputs[0];
  if (!value.present() || value.is_list()) return {};
  const Tensor& tensor = value.tensor();
  if (tensor.dtype() != DType::kBytes || tensor.shape().elements() != 1) return {};
  std::string_view bytes = tensor.string(0);
  std::string_view type = picture_type(bytes);
  if (type.empty() || !(lists(accept, type) || lists(accept, "image/*"))) return {};
  reply.borrow(bytes);
  reply.keep(value);
  return type;
}

}  // namespace leat

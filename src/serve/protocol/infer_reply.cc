#include "serve/protocol/infer_reply.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/text.h"
#include "serve/protocol/half.h"
#include "serve/protocol/json_writer.h"

namespace leat {

namespace {

constexpr size_t kWorthBorrowing = 512;  // shorter pieces are cheaper to copy than to gather

template <typename T>
void write_numbers(JsonWriter& json, const Tensor& tensor) {
  for (const T& value : tensor.values<T>()) {
    if constexpr (std::same_as<T, bool>) {
      json.boolean(value);
    } else if constexpr (std::same_as<T, Half> || std::same_as<T, Brain>) {
      json.number(value.real());
    } else {
      json.number(value);
    }
  }
}

// One output as it goes out: leaves of one type, end to end.
struct Flat {
  DType type = DType::kFp32;
  Shape shape;
  std::vector<Tensor> leaves;
  bool ragged = false;
  std::vector<int64_t> lengths;  // of the leaves, along their axis 0 (or elements)
  std::vector<int64_t> groups;   // leaves in each row of a list of lists
};

void gather_leaves(const Value& value, std::vector<Tensor>& leaves) {
  if (!value.present()) return;
  if (!value.is_list()) {
    leaves.push_back(value.tensor());
    return;
  }
  for (const Value& row : value.rows()) gather_leaves(row, leaves);
}

Status flatten(const Value& value, const Port& port, Flat& flat) {
  if (!value.is_list()) {
    flat.type = value.tensor().dtype();
    flat.shape = value.tensor().shape();
    flat.leaves.push_back(value.tensor());
    // The protocol has no scalars.
    if (flat.shape.rank() == 0) flat.shape = Shape{1};
    return {};
  }
  bool nested = false;
  for (const Value& row : value.rows()) {
    size_t before = flat.leaves.size();
    gather_leaves(row, flat.leaves);
    flat.groups.push_back(static_cast<int64_t>(flat.leaves.size() - before));
    nested = nested || row.is_list();
  }
  if (!nested) flat.groups.clear();
  if (flat.leaves.empty()) {
    flat.type = port.type.dtype().value_or(DType::kFp32);
    flat.shape = Shape{0};
    flat.ragged = true;
    return {};
  }
  const Shape& first = flat.leaves[0].shape();
  flat.type = flat.leaves[0].dtype();
  bool scalars = true;
  bool tails_agree = first.rank() > 0;
  for (const Tensor& leaf : flat.leaves) {
    if (leaf.dtype() != flat.type) {
      return Status(Code::kInternal, cat("output \"", port.name, "\" mixes ", dtype_name(flat.type),
                                         " and ", dtype_name(leaf.dtype())));
    }
    scalars = scalars && leaf.shape().rank() == 0;
    tails_agree = tails_agree && leaf.shape().rank() == first.rank() &&
                  leaf.shape().without(0) == first.without(0);
  }
  if (scalars && !nested) {
    flat.shape = Shape{static_cast<int64_t>(flat.leaves.size())};
    return {};
  }
  flat.ragged = true;
  int64_t total = 0;
  for (const Tensor& leaf : flat.leaves) {
    flat.lengths.push_back(tails_agree ? leaf.shape()[0] : leaf.shape().elements());
    total += flat.lengths.back();
  }
  flat.shape = tails_agree ? first : Shape{0};
  flat.shape.set(0, total);
  return {};
}

class Writer {
 public:
  Writer(Scatter& reply) : reply_(reply), json_(reply.text()) {}

  void begin(std::string_view model, std::string_view version, const InferRequest& wanted) {
    json_.begin_object().member("model_name", model).member("model_version", version);
    if (wanted.has_id) json_.member("id", wanted.id);
    json_.key("outputs").begin_array();
  }

  Status output(const Port& port, const Value& value, bool binary, int64_t classes, bool batched) {
    if (!value.present()) return {};
    if (!value.is_list() && classes == 0 && value.tensor().shape().rank() > 0) {  // nearly always
      const Tensor& whole = value.tensor();
      return tensor(port.name, whole.dtype(), whole.shape(), {&whole, 1}, binary);
    }
    Flat flat;
    LEAT_TRY(flatten(value, port, flat));
    if (classes > 0) {
      LEAT_TRY(classify(flat, classes, batched, port.name));
    }
    LEAT_TRY(tensor(port.name, flat.type, flat.shape, flat.leaves, binary));
    if (!flat.ragged) return {};
    LEAT_TRY(lengths(cat(port.name, ".lengths"), flat.lengths, binary));
    if (!flat.groups.empty()) LEAT_TRY(lengths(cat(port.name, ".rows"), flat.groups, binary));
    return {};
  }

  // The size of the JSON when binary tensors follow it, else 0.
  size_t end() {
    json_.end_array().end_object();
    size_t size = reply_.size();
    for (const Tensor& binary : binaries_) send(binary);
    return binaries_.empty() ? 0 : size;
  }

 private:
  Status lengths(const std::string& name, const std::vector<int64_t>& values, bool binary) {
    LEAT_ASSIGN(Tensor all, Tensor::of(std::span<const int64_t>(values),
                                       Shape{static_cast<int64_t>(values.size())}));
    return tensor(name, DType::kInt64, all.shape(), {&all, 1}, binary);
  }

  Status tensor(std::string_view name, DType type, const Shape& shape,
                std::span<const Tensor> leaves, bool binary) {
    if (!binary && (type == DType::kFp16 || type == DType::kBf16)) {
      return Status(Code::kBadInput, cat("output \"", name, "\" is ", dtype_name(type),
                                         ", which JSON does not carry; ask for it with "
                                         "\"binary_data\": true"));
    }
    json_.begin_object().member("name", name).member("datatype", dtype_name(type));
    json_.key("shape").begin_array();
    for (int64_t size : shape.dims()) json_.number(size);
    json_.end_array();
    if (binary) {
      uint64_t size = 0;
      for (const Tensor& leaf : leaves) size += wire_size(leaf);
      json_.key("parameters").begin_object().member("binary_data_size", size).end_object();
      binaries_.insert(binaries_.end(), leaves.begin(), leaves.end());
    } else {
      json_.key("data").begin_array();
      for (const Tensor& leaf : leaves) write_data(leaf);
      json_.end_array();
    }
    json_.end_object();
    return {};
  }

  static uint64_t wire_size(const Tensor& tensor) {
    if (tensor.dtype() != DType::kBytes) return tensor.byte_size();
    uint64_t size = 0;
    for (int64_t i = 0; i < tensor.shape().elements(); ++i) size += 4 + tensor.string(i).size();
    return size;
  }

  void write_data(const Tensor& tensor) {
    switch (tensor.dtype()) {
      case DType::kBool:
        return write_numbers<bool>(json_, tensor);
      case DType::kUint8:
        return write_numbers<uint8_t>(json_, tensor);
      case DType::kUint16:
        return write_numbers<uint16_t>(json_, tensor);
      case DType::kUint32:
        return write_numbers<uint32_t>(json_, tensor);
      case DType::kUint64:
        return write_numbers<uint64_t>(json_, tensor);
      case DType::kInt8:
        return write_numbers<int8_t>(json_, tensor);
      case DType::kInt16:
        return write_numbers<int16_t>(json_, tensor);
      case DType::kInt32:
        return write_numbers<int32_t>(json_, tensor);
      case DType::kInt64:
        return write_numbers<int64_t>(json_, tensor);
      case DType::kFp16:
        return write_numbers<Half>(json_, tensor);
      case DType::kBf16:
        return write_numbers<Brain>(json_, tensor);
      case DType::kFp32:
        return write_numbers<float>(json_, tensor);
      case DType::kFp64:
        return write_numbers<double>(json_, tensor);
      case DType::kBytes:
        for (int64_t i = 0; i < tensor.shape().elements(); ++i) json_.string(tensor.string(i));
    }
  }

  void piece(std::string_view bytes) {
    if (bytes.size() < kWorthBorrowing) {
      reply_.text().append(bytes);
    } else {
      reply_.borrow(bytes);
    }
  }

  void send(const Tensor& binary) {
    if (binary.dtype() != DType::kBytes) {
      piece({reinterpret_cast<const char*>(binary.data()), binary.byte_size()});
    } else {
      for (int64_t i = 0; i < binary.shape().elements(); ++i) {
        std::string_view text = binary.string(i);
        auto length = static_cast<uint32_t>(text.size());
        reply_.text().append(reinterpret_cast<const char*>(&length), sizeof length);
        piece(text);
      }
    }
    reply_.keep(binary);
  }

  // The classification extension: the `classes` largest values as "value:index".
  static Status classify(Flat& flat, int64_t classes, bool batched, std::string_view name) {
    if (flat.ragged || flat.leaves.size() != 1 || flat.type == DType::kBytes) {
      return Status(Code::kBadInput, cat("output \"", name,
                                         "\" cannot be classified: a tensor of "
                                         "numbers is needed"));
    }
    const Tensor& tensor = flat.leaves[0];
    int64_t rows = batched && flat.shape.rank() > 0 ? flat.shape[0] : 1;
    int64_t width = rows == 0 ? 0 : tensor.shape().elements() / rows;
    int64_t kept = std::min(classes, width);
    std::vector<double> values(static_cast<size_t>(width));
    std::vector<int64_t> order(static_cast<size_t>(width));
    std::vector<std::string> texts;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < width; ++i)
        values[static_cast<size_t>(i)] = real_at(tensor, row * width + i);
      std::iota(order.begin(), order.end(), 0);
      auto before = [&](int64_t a, int64_t b) {  // larger first, NaN last, then by index
        double x = values[static_cast<size_t>(a)], y = values[static_cast<size_t>(b)];
        if (std::isnan(x) || std::isnan(y))
          return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
        return x != y ? x > y : a < b;
      };
      std::partial_sort(order.begin(), order.begin() + kept, order.end(), before);
      for (int64_t i = 0; i < kept; ++i) {
        int64_t index = order[static_cast<size_t>(i)];
        char number[64];
        snprintf(number, sizeof number, "%f", values[static_cast<size_t>(index)]);
        texts.push_back(cat(static_cast<const char*>(number), ":", index));
      }
    }
    std::vector<std::string_view> views(texts.begin(), texts.end());
    flat.shape = batched ? Shape{rows, kept} : Shape{kept};
    LEAT_ASSIGN(flat.leaves[0], Tensor::strings(views, flat.shape));
    flat.type = DType::kBytes;
    return {};
  }

  static double real_at(const Tensor& tensor, int64_t index) {
    auto i = static_cast<size_t>(index);
    switch (tensor.dtype()) {
      case DType::kBool:
        return tensor.values<bool>()[i];
      case DType::kUint8:
        return tensor.values<uint8_t>()[i];
      case DType::kUint16:
        return tensor.values<uint16_t>()[i];
      case DType::kUint32:
        return tensor.values<uint32_t>()[i];
      case DType::kUint64:
        return static_cast<double>(tensor.values<uint64_t>()[i]);
      case DType::kInt8:
        return tensor.values<int8_t>()[i];
      case DType::kInt16:
        return tensor.values<int16_t>()[i];
      case DType::kInt32:
        return tensor.values<int32_t>()[i];
      case DType::kInt64:
        return static_cast<double>(tensor.values<int64_t>()[i]);
      case DType::kFp16:
        return tensor.values<Half>()[i].real();
      case DType::kBf16:
        return tensor.values<Brain>()[i].real();
      case DType::kFp32:
        return tensor.values<float>()[i];
      case DType::kFp64:
        return tensor.values<double>()[i];
      case DType::kBytes:
        return 0;
    }
    return 0;
  }

  Scatter& reply_;
  JsonWriter json_;
  std::vector<Tensor> binaries_;
};

}  // namespace

Status write_infer(const Pipeline& pipeline, std::string_view model, std::string_view version,
                   const InferRequest& wanted, const Answer& answer, Scatter& reply,
                   size_t& json_size) {
  const std::vector<Port>& ports = pipeline.outputs();
  Writer writer(reply);
  writer.begin(model, version, wanted);
  size_t count = std::min(ports.size(), answer.outputs.size());
  if (wanted.all_outputs) {
    for (size_t i = 0; i < count; ++i) {
      LEAT_TRY(
          writer.output(ports[i], answer.outputs[i], wanted.all_binary, 0, pipeline.batched()));
    }
  }
  for (const WantedOutput& one : wanted.wanted) {
    if (one.output >= count) continue;
    LEAT_TRY(writer.output(ports[one.output], answer.outputs[one.output], one.binary, one.classes,
                           pipeline.batched()));
  }
  json_size = writer.end();
  return {};
}

}  // namespace leat

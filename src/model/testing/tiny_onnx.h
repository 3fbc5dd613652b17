// Writes small ONNX models without a protobuf library, for tests and benchmarks.
//
//   tiny_onnx::write(path, tiny_onnx::identity("FP32[n,3,224,224]"));
//   tiny_onnx::Graph{.inputs = {{"x", "FP32[n]"}}, .outputs = {{"y", "INT64[n]"}},
//                    .nodes = {{"Cast", {"x"}, {"y"}, {{"to", 7}}}}}.encode()
//
// Types are written as in leat/type.h. Numbers of fields and of element types are those of
// onnx.proto.
#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "leat/type.h"

namespace leat::tiny_onnx {

// TensorProto.DataType
inline int64_t element_type(DType type) {
  constexpr int64_t numbers[kDTypes] = {9, 2, 4, 12, 13, 3, 5, 6, 7, 10, 16, 1, 11, 8};
  return numbers[static_cast<size_t>(type)];
}

// A protobuf message in the making.
class Message {
 public:
  Message& number(int field, int64_t value) {
    varint(static_cast<uint64_t>(field) << 3);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

struct Port {
  std::string name;
  std::string type;  // "FP32[n,4]"; "FP32[...]" has no shape at all; "sequence of FP32[n]"
};

// The body of a Loop, an If: see Graph::subgraph().
struct Subgraph {
  std::string bytes;
};

struct Attribute {
  std::string name;
  std::variant<int64_t, std::string, Subgraph> value;
};

struct Node {
  std::string op;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes{};
  std::string name{};
  std::string domain{};
};

struct Graph {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<Node> nodes;
  int64_t opset = 17;  // 0: none, which a runtime must refuse
  int64_t ir_version = 8;

  Subgraph subgraph() const {
    Message graph;
    for (const Node& node : nodes) graph.message(1, encoded(node));
    graph.text(2, "tiny");
    for (const Port& port : inputs) graph.message(11, encoded(port));
    for (const Port& port : outputs) graph.message(12, encoded(port));
    return {graph.bytes()};
  }

  std::string encode() const {
    Message model;
    model.number(1, ir_version).text(7, subgraph().bytes);
    if (opset > 0) model.message(8, Message().text(1, "").number(2, opset));
    return model.bytes();
  }

 private:
  static Message encoded(const Node& node) {
    Message out;
    for (const std::string& name : node.inputs) out.text(1, name);
    for (const std::string& name : node.outputs) out.text(2, name);
    out.text(3, node.name).text(4, node.op).text(7, node.domain);
    for (const Attribute& attribute : node.attributes) {
      Message one;
      one.text(1, attribute.name);
      if (const auto* number = std::get_if<int64_t>(&attribute.value)) {
        one.number(3, *number).number(20, 2);
      } else if (const auto* body = std::get_if<Subgraph>(&attribute.value)) {
        one.text(6, body->bytes).number(20, 5);
      } else {
        one.text(4, std::get<std::string>(attribute.value)).number(20, 3);
      }
      out.message(5, one);
    }
    return out;
  }

  static Message encoded(const Port& port) {
    constexpr std::string_view kSequence = "sequence of ";
    std::string_view text = port.type;
    bool sequence = text.starts_with(kSequence);
    if (sequence) text.remove_prefix(kSequence.size());
    Type type = Type::of(text);
    Message tensor;
    tensor.number(1, element_type(*type.dtype()));
    if (!type.open) {
      Message shape;
      for (const Dim& dim : type.dims) {
        Message one;
        if (dim.size >= 0) {
          one.number(1, dim.size);
        } else if (!dim.name.empty()) {
          one.text(2, dim.name);
        }
        shape.message(1, one);
      }
      tensor.message(2, shape);
    }
    Message value;
    value.message(1, tensor);
    if (sequence) value = Message().message(4, Message().message(1, value));
    return Message().text(1, port.name).message(2, value);
  }
};

// x -> y, unchanged.
inline std::string identity(const std::string& type) {
  return Graph{
      .inputs = {{"x", type}}, .outputs = {{"y", type}}, .nodes = {{"Identity", {"x"}, {"y"}}}}
      .encode();
}

// a, b -> sum, all of one type.
inline std::string add(const std::string& type) {
  return Graph{.inputs = {{"a", type}, {"b", type}},
               .outputs = {{"sum", type}},
               .nodes = {{"Add", {"a", "b"}, {"sum"}}}}
      .encode();
}

inline void write(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace leat::tiny_onnx

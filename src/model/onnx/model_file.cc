#include "model/onnx/model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace leat {

namespace {

// Numbers of fields in onnx.proto.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kModelLargestField = 32;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kInitializerName = 8;
constexpr uint64_t kGraphInput = 11;
constexpr uint64_t kGraphOutput = 12;
constexpr uint64_t kValueName = 1;
constexpr uint64_t kValueType = 2;
constexpr uint64_t kTypeTensor = 1;
constexpr uint64_t kTensorShape = 2;
constexpr uint64_t kDimSize = 1;
constexpr uint64_t kDimName = 2;

// A file, read through a small window. (Not mapped: a file that shrinks meanwhile must be an
// error.)
class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info;
    if (fd_ >= 0 && fstat(fd_, &info) == 0) size_ = static_cast<uint64_t>(info.st_size);
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }
  uint64_t size() const { return size_; }
  std::optional<uint8_t> at(uint64_t position) {
    if (position - begin_ >= count_) {
      ssize_t got = pread(fd_, window_.data(), window_.size(), static_cast<off_t>(position));
      begin_ = position;
      count_ = got > 0 ? static_cast<uint64_t>(got) : 0;
      if (count_ == 0) return std::nullopt;
    }
    return window_[position - begin_];
  }

 private:
  int fd_;
  uint64_t size_ = 0;
  uint64_t begin_ = 0;
  uint64_t count_ = 0;
  std::array<uint8_t, 4096> window_;
};

// One field of a message: its number, and where its content lies if it has a length.
struct Field {
  uint64_t number;
  bool has_length;
  uint64_t begin;
  uint64_t end;
};

// Walks the fields of the message in [position, end).
class Fields {
 public:
  Fields(File& file, uint64_t begin, uint64_t end) : file_(file), position_(begin), end_(end) {}

  // False at the end and when the message is broken: see fault(), then.
  bool next(Field& field) {
    if (position_ >= end_ || !fault_.empty()) return false;
    uint64_t tag, length = 0;
    if (!varint(tag)) return false;
    field.number = tag >> 3;
    field.has_length = (tag & 7) == 2;
    switch (tag & 7) {
      case 0:
        if (!varint(length)) return false;
        length = 0;
        break;
      case 1:
        length = 8;
        break;
      case 2:
        if (!varint(length)) return false;
        break;
      case 5:
        length = 4;
        break;
      default:
        return fail("is no ONNX model: its bytes are no protobuf message");
    }
    if (length > end_ - position_) {
      return fail(cat("is cut off or damaged: a field at byte ", position_, " has ", length,
                      " bytes, and ", end_ - position_, " are left; fetch it again"));
    }
    field.begin = position_;
    field.end = position_ += length;
    return true;
  }
  const std::string& fault() const { return fault_; }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      auto byte = position_ < end_ ? file_.at(position_) : std::nullopt;
      if (!byte) return fail(cat("is cut off at byte ", position_));
      ++position_;
      value |= static_cast<uint64_t>(*byte & 0x7f) << shift;
      if (!(*byte & 0x80)) return true;
    }
    return fail("is no ONNX model: its bytes are no protobuf message");
  }
  bool fail(std::string why) {
    fault_ = std::move(why);
    return false;
  }

  File& file_;
  uint64_t position_;
  const uint64_t end_;
  std::string fault_;
};

// A ValueInfoProto: an input or an output of the graph.
struct Value {
  OnnxPort port;
  bool is_tensor = false;
  bool has_shape = false;
  bool open_inside = false;  // a dimension other than the first has no size
};

std::string read_text(File& file, const Field& field) {
  std::string text;
  for (uint64_t i = field.begin; i < field.end; ++i) {
    text += static_cast<char>(file.at(i).value_or(0));
  }
  return text;
}

void read_shape(File& file, const Field& shape, Value& value) {
  value.has_shape = true;
  Fields dims(file, shape.begin, shape.end);
  bool first = true;
  for (Field dim; dims.next(dim); first = false) {
    bool sized = false;
    std::string name;
    Fields parts(file, dim.begin, dim.end);
    for (Field part; parts.next(part);) {
      sized |= part.number == kDimSize;
      if (part.number == kDimName && part.has_length) name = read_text(file, part);
    }
    value.open_inside |= !sized && !first;
    if (name == "?") name = {};  // some exporters write this for every size that is not known
    value.port.dims.push_back(sized ? "" : std::move(name));
  }
}

void read_type(File& file, const Field& type, Value& value) {
  Fields kinds(file, type.begin, type.end);
  for (Field kind; kinds.next(kind);) {
    if (kind.number != kTypeTensor || !kind.has_length) continue;
    value.is_tensor = true;
    Fields parts(file, kind.begin, kind.end);
    for (Field part; parts.next(part);) {
      if (part.number == kTensorShape && part.has_length) read_shape(file, part, value);
    }
  }
}

Value read_value(File& file, const Field& whole) {
  Value value;
  Fields fields(file, whole.begin, whole.end);
  for (Field field; fields.next(field);) {
    if (field.number == kValueName && field.has_length) {
      value.port.name = read_text(file, field);
    } else if (field.number == kValueType && field.has_length) {
      read_type(file, field, value);
    }
  }
  return value;
}

std::string read_initializer(File& file, const Field& whole) {
  Fields fields(file, whole.begin, whole.end);
  for (Field field; fields.next(field);) {
    if (field.number == kInitializerName && field.has_length) return read_text(file, field);
  }
  return {};
}

}  // namespace

Result<OnnxFile> inspect_onnx(const std::string& path) {
  File file(path);
  if (!file.is_open()) {
    return Status(Code::kBadInput, cat("cannot be read: ", std::strerror(errno)));
  }
  OnnxFile found;
  found.bytes = file.size();
  bool has_graph = false;
  std::set<std::string> initialized;
  Fields fields(file, 0, file.size());
  for (Field field; fields.next(field);) {
    if (field.number == 0 || field.number > kModelLargestField) {
      return Status(Code::kBadInput, cat("is no ONNX model: it has a field ", field.number));
    }
    if (field.number != kModelGraph || !field.has_length) continue;
    has_graph = true;
    Fields parts(file, field.begin, field.end);
    for (Field part; parts.next(part);) {
      if (part.number == kGraphInitializer && part.has_length) {
        initialized.insert(read_initializer(file, part));
      }
      if (part.number != kGraphInput && part.number != kGraphOutput) continue;
      Value value = read_value(file, part);
      if (value.is_tensor && !value.has_shape) found.shapeless.insert(value.port.name);
      if (part.number == kGraphInput && value.is_tensor) {
        found.many_shapes |= value.open_inside || !value.has_shape;
      }
      (part.number == kGraphInput ? found.inputs : found.outputs).push_back(std::move(value.port));
    }
    if (!parts.fault().empty()) return Status(Code::kBadInput, parts.fault());
  }
  if (!fields.fault().empty()) return Status(Code::kBadInput, fields.fault());
  if (!has_graph) return Status(Code::kBadInput, "is no ONNX model: it has no graph");
  std::erase_if(found.inputs,
                [&](const OnnxPort& port) { return initialized.contains(port.name); });
  return found;
}

}  // namespace leat

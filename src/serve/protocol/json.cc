#include "serve/protocol/json.h"

#include <simdjson.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "serve/protocol/half.h"

namespace leat {

namespace dom = simdjson::dom;

class JsonAccess {
 public:
  static dom::element element(const Json& json) { return std::bit_cast<dom::element>(json.place_); }
  static Json json(dom::element element) { return Json(std::bit_cast<Json::Place>(element)); }
};

namespace {

dom::element at(const Json& json) { return JsonAccess::element(json); }

// Of elements that are known to be one.
dom::array array_of(dom::element element) {
  dom::array array;
  [[maybe_unused]] auto error = element.get(array);
  return array;
}
dom::object object_of(dom::element element) {
  dom::object object;
  [[maybe_unused]] auto error = element.get(object);
  return object;
}

constexpr size_t kDeepest = 64;    // far beyond any tensor's rank
constexpr size_t kKept = 1 << 20;  // a parser that has grown beyond this is not kept

// Converts one number; false when it does not fit.
template <typename T>
bool convert(dom::element from, T& to) {
  if constexpr (std::same_as<T, bool>) {
    if (from.get(to) == simdjson::SUCCESS) return true;
    uint64_t whole;
    if (from.get(whole) != simdjson::SUCCESS || whole > 1) return false;
    to = whole == 1;
    return true;
  } else if constexpr (std::floating_point<T>) {
    double wide;
    if (from.get(wide) != simdjson::SUCCESS) return false;
    to = static_cast<T>(wide);
    return std::isfinite(to);
  } else if constexpr (std::same_as<T, Half> || std::same_as<T, Brain>) {
    double wide;
    if (from.get(wide) != simdjson::SUCCESS) return false;
    to = T::of(static_cast<float>(wide));
    return std::isfinite(to.real());
  } else if constexpr (std::signed_integral<T>) {
    int64_t wide;
    if (from.get(wide) != simdjson::SUCCESS || !std::in_range<T>(wide)) return false;
    to = static_cast<T>(wide);
    return true;
  } else {
    uint64_t wide;
    if (from.get(wide) != simdjson::SUCCESS || !std::in_range<T>(wide)) return false;
    to = static_cast<T>(wide);
    return true;
  }
}

template <typename T>
struct Filler {
  DType type;
  T* out;
  size_t room;
  size_t done = 0;

  Status fill(dom::element element) {
    if (element.is_array()) {
      for (dom::element inner : array_of(element)) LEAT_TRY(fill(inner));
      return {};
    }
    if (done == room) {
      ++done;
      return Status(Code::kBadInput, "");  // count() tells how many there are
    }
    if (!convert(element, out[done])) {
      return Status(Code::kBadInput,
                    cat("element ", done, " is ", JsonAccess::json(element).describe(),
                        ", which is no ", dtype_name(type)));
    }
    ++done;
    return {};
  }
};

size_t leaves(dom::element element) {
  if (!element.is_array()) return 1;
  size_t count = 0;
  for (dom::element inner : array_of(element)) count += leaves(inner);
  return count;
}

template <typename T>
Status fill(DType type, dom::element element, std::byte* out, size_t count) {
  Filler<T> filler{type, reinterpret_cast<T*>(out), count};
  Status status = filler.fill(element);
  if (!status.ok() && filler.done <= count) return status;
  if (filler.done == count) return {};
  return Status(Code::kBadInput, cat(leaves(element), " elements given, ", count, " wanted"));
}

}  // namespace

Json::Kind Json::kind() const {
  switch (at(*this).type()) {
    case dom::element_type::ARRAY:
      return Kind::kArray;
    case dom::element_type::OBJECT:
      return Kind::kObject;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return Kind::kWhole;
    case dom::element_type::DOUBLE:
      return Kind::kReal;
    case dom::element_type::STRING:
      return Kind::kString;
    case dom::element_type::BOOL:
      return Kind::kBool;
    case dom::element_type::NULL_VALUE:
      return Kind::kNull;
  }
  return Kind::kNull;
}

bool Json::boolean() const { return bool(at(*this).get_bool().value_unsafe()); }
double Json::real() const { return double(at(*this).get_double().value_unsafe()); }
std::string_view Json::text() const {
  std::string_view text;
  [[maybe_unused]] auto error = at(*this).get(text);
  return text;
}

std::optional<int64_t> Json::whole() const {
  int64_t value;
  if (at(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<uint64_t> Json::natural() const {
  uint64_t value;
  if (at(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::string Json::describe() const {
  switch (kind()) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return boolean() ? "true" : "false";
    case Kind::kWhole:
      return natural() ? cat(*natural()) : cat(*whole());
    case Kind::kReal:
      return cat(real());
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
    case Kind::kString: {
      constexpr size_t kShown = 40;
      std::string_view whole_text = text();
      if (whole_text.size() <= kShown) return cat("the text \"", whole_text, "\"");
      return cat("a text of ", whole_text.size(), " bytes");
    }
  }
  return "null";
}

size_t Json::size() const {
  dom::element element = at(*this);
  // The tape's own count saturates at 2^24 - 1.
  constexpr size_t kSaturated = 0xFFFFFF;
  size_t count = element.is_array() ? array_of(element).size() : object_of(element).size();
  if (count < kSaturated || !element.is_array()) return count;
  count = 0;
  for ([[maybe_unused]] dom::element inner : array_of(element)) ++count;
  return count;
}

Status Json::each_element(void* act, Status (*call)(void*, Json)) const {
  for (dom::element inner : array_of(at(*this))) {
    LEAT_TRY(call(act, JsonAccess::json(inner)));
  }
  return {};
}

Status Json::each_member(void* act, Status (*call)(void*, std::string_view, Json)) const {
  for (auto [key, value] : object_of(at(*this))) {
    LEAT_TRY(call(act, key, JsonAccess::json(value)));
  }
  return {};
}

Status Json::numbers(DType type, std::byte* out, size_t count) const {
  dom::element element = at(*this);
  switch (type) {
    case DType::kBool:
      return fill<bool>(type, element, out, count);
    case DType::kUint8:
      return fill<uint8_t>(type, element, out, count);
    case DType::kUint16:
      return fill<uint16_t>(type, element, out, count);
    case DType::kUint32:
      return fill<uint32_t>(type, element, out, count);
    case DType::kUint64:
      return fill<uint64_t>(type, element, out, count);
    case DType::kInt8:
      return fill<int8_t>(type, element, out, count);
    case DType::kInt16:
      return fill<int16_t>(type, element, out, count);
    case DType::kInt32:
      return fill<int32_t>(type, element, out, count);
    case DType::kInt64:
      return fill<int64_t>(type, element, out, count);
    case DType::kFp16:
      return fill<Half>(type, element, out, count);
    case DType::kBf16:
      return fill<Brain>(type, element, out, count);
    case DType::kFp32:
      return fill<float>(type, element, out, count);
    case DType::kFp64:
      return fill<double>(type, element, out, count);
    case DType::kBytes:
      break;
  }
  assert(false);
  return {};
}

class JsonDocument::Parser {
 public:
  dom::parser parser;
};

JsonDocument::JsonDocument() : parser_(std::make_unique<Parser>()) {}
JsonDocument::~JsonDocument() = default;

Result<Json> JsonDocument::parse(std::string_view text) {
  dom::parser& parser = parser_->parser;
  if (parser.capacity() < text.size() || parser.max_depth() != kDeepest) {
    // Grown in doublings, so that documents of slowly rising size do not each allocate.
    if (parser.allocate(std::bit_ceil(text.size() + 1024), kDeepest) != simdjson::SUCCESS) {
      return Status(Code::kOverloaded,
                    cat("no memory for a JSON document of ", text.size(), " bytes"));
    }
  }
  dom::element element;
  auto error = parser.parse(text.data(), text.size(), false).get(element);
  if (error == simdjson::DEPTH_ERROR) {
    return Status(Code::kBadInput,
                  cat("the JSON is nested deeper than the ", kDeepest, " levels allowed"));
  }
  if (error) {
    return Status(Code::kBadInput, cat("this is not JSON: ", simdjson::error_message(error)));
  }
  return JsonAccess::json(element);
}

void JsonDocument::shrink() {
  if (parser_->parser.capacity() > kKept) parser_ = std::make_unique<Parser>();
}

}  // namespace leat

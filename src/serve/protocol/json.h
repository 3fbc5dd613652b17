// JSON documents, read. The only place that knows simdjson.
//
// A Json is a place in a document and costs nothing to copy. Numbers keep their kind: 1 is
// whole, 1.0 is not; both fit a float.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "leat/status.h"
#include "leat/tensor.h"

namespace leat {

class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kWhole, kReal, kString, kArray, kObject };

  Kind kind() const;
  bool is(Kind wanted) const { return kind() == wanted; }
  bool boolean() const;                     // requires kBool
  double real() const;                      // requires kWhole or kReal
  std::optional<int64_t> whole() const;     // kWhole within int64_t
  std::optional<uint64_t> natural() const;  // kWhole within uint64_t
  std::string_view text() const;            // requires kString; as long as the document
  // "an object", "the text \"abc\"", "3.5": for messages.
  std::string describe() const;

  // For arrays, act(Json element); for objects, act(std::string_view key, Json value). Ends at the
  // first Status that is not ok, and gives it.
  template <typename Act>
  Status each(Act act) const {
    return each_element(&act,
                        [](void* a, Json element) { return (*static_cast<Act*>(a))(element); });
  }
  template <typename Act>
  Status members(Act act) const {
    return each_member(&act, [](void* a, std::string_view key, Json value) {
      return (*static_cast<Act*>(a))(key, value);
    });
  }
  size_t size() const;  // of an array or object

  // The numbers (or booleans for BOOL, 0 and 1 too) of an array nested to any depth, in row order,
  // into `out`, which has room for exactly `count` elements of `type` (not BYTES). FP16 and BF16
  // are rounded. kBadInput names the first element that is wrong, or how many there are.
  Status numbers(DType type, std::byte* out, size_t count) const;

 private:
  struct Place {
    const void* document;
    size_t index;
  };
  explicit Json(Place place) : place_(place) {}
  Status each_element(void* act, Status (*call)(void*, Json)) const;
  Status each_member(void* act, Status (*call)(void*, std::string_view, Json)) const;
  Place place_;
  friend class JsonAccess;
};

// A parsed document; reused, it allocates only when a longer one comes.
class JsonDocument {
 public:
  JsonDocument();
  ~JsonDocument();
  // `text` must be followed by Body::kPadding readable bytes. kBadInput says what is wrong and is
  // told about depth beyond 64 too. Earlier Jsons of this document are void.
  Result<Json> parse(std::string_view text);
  // Gives memory back when the last document was a large one.
  void shrink();

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace leat

#include "serve/http/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "memory/arena.h"

namespace leat {

Result<Body> allocate_body(size_t size, size_t aligned) {
  size_t before = (64 - aligned % 64) % 64;
  LEAT_ASSIGN(Block * block, Arena::heap().allocate(before + size + Body::kPadding));
  return Body{block, block->payload + before, size};
}

namespace {

struct Inflater {
  z_stream stream{};
  explicit Inflater(int bits) { inflateInit2(&stream, bits); }
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

Status inflate(Body& body, size_t most, size_t aligned) {
  const auto* packed = reinterpret_cast<const uint8_t*>(body.data);
  // zlib's own detection knows gzip and zlib; some clients send deflate without either's header.
  bool headed =
      body.size >= 2 && ((packed[0] == 0x1F && packed[1] == 0x8B) ||
                         ((packed[0] & 15) == 8 && (packed[0] * 256 + packed[1]) % 31 == 0));
  Inflater inflater(headed ? MAX_WBITS + 32 : -MAX_WBITS);
  z_stream& stream = inflater.stream;
  stream.next_in = const_cast<uint8_t*>(packed);
  stream.avail_in = static_cast<uInt>(body.size);
  LEAT_ASSIGN(Body plain,
              allocate_body(std::min(most, std::max<size_t>(4 * body.size, 4096)), aligned));
  size_t have = 0;
  Status status;
  while (true) {
    stream.next_out = reinterpret_cast<uint8_t*>(plain.data) + have;
    stream.avail_out = static_cast<uInt>(plain.size - have);
    int result = ::inflate(&stream, Z_NO_FLUSH);
    have = plain.size - stream.avail_out;
    if (result == Z_STREAM_END) break;
    if (result != Z_OK && result != Z_BUF_ERROR) {
      status = Status(Code::kBadInput, cat("the compressed body is damaged after ", have,
                                           " bytes: ", stream.msg ? stream.msg : "no such data"));
      break;
    }
    if (stream.avail_out > 0) {
      status = Status(Code::kBadInput, cat("the compressed body ends after ", have,
                                           " bytes in the middle of its data"));
      break;
    }
    if (plain.size == most) {
      status = Status(Code::kTooLarge,
                      cat("the body is longer than the ", most, " bytes allowed when unpacked"));
      break;
    }
    auto larger = allocate_body(std::min(most, 2 * plain.size), aligned);
    if (!larger.ok()) {
      status = larger.status();
      break;
    }
    std::memcpy(larger->data, plain.data, have);
    plain.block->drop();
    plain = *larger;
  }
  if (!status.ok()) {
    plain.block->drop();
    return status;
  }
  plain.size = have;
  body.block->drop();
  body = plain;
  return {};
}

void gzip(std::string_view text, std::string& out) {
  struct Deflater {
    z_stream stream{};
    Deflater() { deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY); }
    ~Deflater() { deflateEnd(&stream); }
  };
  thread_local Deflater deflater;  // 256 KiB that need not be set up each time
  z_stream& stream = deflater.stream;
  deflateReset(&stream);
  size_t before = out.size();
  out.resize(before + deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data()) + before;
  stream.avail_out = static_cast<uInt>(out.size() - before);
  deflate(&stream, Z_FINISH);
  out.erase(out.size() - stream.avail_out);
}

}  // namespace leat

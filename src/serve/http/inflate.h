// gzip and deflate: bodies in, JSON out.
#pragma once

#include <string>
#include <string_view>

#include "leat/status.h"
#include "serve/http/exchange.h"

namespace leat {

// Replaces `body` by what it holds when unpacked (gzip or zlib, told apart by their first bytes;
// raw deflate too), with the byte at `aligned` on a 64-byte boundary. kTooLarge past `most` bytes,
// which a bomb reaches after little work; kBadInput when the stream is damaged or ends early.
Status inflate(Body& body, size_t most, size_t aligned);

// `text` as gzip, appended to `out`.
void gzip(std::string_view text, std::string& out);

// A body's memory: `size` bytes and the padding, placed for `aligned`.
Result<Body> allocate_body(size_t size, size_t aligned);

}  // namespace leat

#include "codec/image/png_raw.h"

#include <emmintrin.h>
#include <libdeflate.h>

#include <cstdlib>
#include <cstring>

namespace leat::image {

namespace {

enum Filter : uint8_t { kNone, kSub, kUp, kAverage, kPaeth, kFilters };

uint32_t number(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

uint8_t paeth(int left, int up, int corner) {
  const int a = std::abs(up - corner), b = std::abs(left - corner);
  const int c = std::abs(left + up - 2 * corner);
  return static_cast<uint8_t>(a <= b && a <= c ? left : b <= c ? up : corner);
}

// As the specification has it; `up` are the pixels of the row before.
void undo(Filter filter, size_t bytes_per_pixel, uint8_t* row, const uint8_t* up, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const bool first = i < bytes_per_pixel;
    const int left = first ? 0 : row[i - bytes_per_pixel];
    const int corner = first ? 0 : up[i - bytes_per_pixel];
    const int add = filter == kSub       ? left
                    : filter == kUp      ? up[i]
                    : filter == kAverage ? (left + up[i]) / 2
                                         : paeth(left, up[i], corner);
    row[i] = static_cast<uint8_t>(row[i] + add);
  }
}

// Four bytes, of which the last may belong to whatever follows: it comes to nothing.
__m128i load(const uint8_t* at) {
  uint32_t pixel;
  std::memcpy(&pixel, at, sizeof pixel);
  return _mm_cvtsi32_si128(static_cast<int>(pixel));
}

template <size_t kBytes>
void store(__m128i pixel, uint8_t* at) {
  const int bytes = _mm_cvtsi128_si32(pixel);
  std::memcpy(at, &bytes, kBytes);
}

// The same, a pixel at a time.
template <size_t kBytes>
void undo_sub(uint8_t* row, size_t count) {
  __m128i left = _mm_setzero_si128();
  for (size_t i = 0; i < count; i += kBytes) {
    left = _mm_add_epi8(left, load(row + i));
    store<kBytes>(left, row + i);
  }
}

template <size_t kBytes>
void undo_average(uint8_t* row, const uint8_t* up, size_t count) {
  const __m128i one = _mm_set1_epi8(1);
  __m128i left = _mm_setzero_si128();
  for (size_t i = 0; i < count; i += kBytes) {
    const __m128i above = load(up + i);
    // The instruction rounds up, the filter down.
    const __m128i mean =
        _mm_sub_epi8(_mm_avg_epu8(left, above), _mm_and_si128(_mm_xor_si128(left, above), one));
    left = _mm_add_epi8(mean, load(row + i));
    store<kBytes>(left, row + i);
  }
}

__m128i magnitude(__m128i values) {
  return _mm_max_epi16(values, _mm_sub_epi16(_mm_setzero_si128(), values));
}

__m128i choose(__m128i mask, __m128i yes, __m128i no) {
  return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

template <size_t kBytes>
void undo_paeth(uint8_t* row, const uint8_t* up, size_t count) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i low = _mm_set1_epi16(0xff);
  __m128i left = zero, corner = zero;  // 16 bits a sample
  for (size_t i = 0; i < count; i += kBytes) {
    const __m128i above = _mm_unpacklo_epi8(load(up + i), zero);
    const __m128i down = _mm_sub_epi16(above, corner), across = _mm_sub_epi16(left, corner);
    const __m128i a = magnitude(down), b = magnitude(across);
    const __m128i c = magnitude(_mm_add_epi16(down, across));
    const __m128i least = _mm_min_epi16(c, _mm_min_epi16(a, b));
    const __m128i best =
        choose(_mm_cmpeq_epi16(least, a), left, choose(_mm_cmpeq_epi16(least, b), above, corner));
    corner = above;
    left = _mm_and_si128(low, _mm_add_epi16(best, _mm_unpacklo_epi8(load(row + i), zero)));
    store<kBytes>(_mm_packus_epi16(left, left), row + i);
  }
}

template <size_t kBytes>
void undo_pixels(Filter filter, uint8_t* row, const uint8_t* up, size_t count) {
  if (filter == kSub) return undo_sub<kBytes>(row, count);
  if (filter == kAverage) return undo_average<kBytes>(row, up, count);
  undo_paeth<kBytes>(row, up, count);
}

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* of) const { libdeflate_free_decompressor(of); }
};

}  // namespace

bool PngRaw::read_header(Bytes payload) {
  if (payload.size() != 13) return false;
  const uint32_t width = number(payload.data()), height = number(payload.data() + 4);
  constexpr uint8_t kSamples[] = {1, 0, 3, 0, 2, 0, 4};  // by colour type
  const uint8_t depth = payload[8], colour = payload[9];
  samples_ = colour < std::size(kSamples) ? kSamples[colour] : 0;
  if (depth != 8 || samples_ == 0 || payload[10] != 0 || payload[11] != 0 || payload[12] != 0) {
    return false;
  }
  if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX) return false;
  width_ = static_cast<int>(width);
  height_ = static_cast<int>(height);
  stride_ = samples_ * width;
  return true;
}

bool PngRaw::open(Bytes bytes) {
  *this = {};
  thread_local std::vector<uint8_t> joined;
  Bytes stream;
  size_t parts = 0;
  bool ended = false, among = false;  // the chunk before was an IDAT
  for (Bytes left = bytes.subspan(8); !ended;) {
    if (left.size() < 12) return false;
    const size_t length = number(left.data());
    if (length > left.size() - 12) return false;
    const std::string_view type(reinterpret_cast<const char*>(left.data()) + 4, 4);
    const Bytes payload = left.subspan(8, length);
    const bool critical = !(type[0] & 0x20);
    if (critical &&
        libdeflate_crc32(0, left.data() + 4, length + 4) != number(left.data() + 8 + length)) {
      return false;
    }
    left = left.subspan(12 + length);
    if (samples_ == 0) {
      if (type != "IHDR" || !read_header(payload)) return false;
    } else if (type == "IDAT") {
      if (parts > 0 && !among) return false;
      if (parts == 1) joined.assign(stream.begin(), stream.end());
      if (parts++ == 0) {
        stream = payload;
      } else {
        joined.insert(joined.end(), payload.begin(), payload.end());
      }
    } else if (type == "IEND") {
      ended = true;
    } else if (critical && type != "PLTE") {  // which is a suggestion here
      return false;
    }
    among = type == "IDAT";
  }
  return parts > 0 && inflate(parts == 1 ? stream : Bytes(joined));
}

bool PngRaw::inflate(Bytes stream) {
  thread_local std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  const size_t size = static_cast<size_t>(height_) * (stride_ + 1);
  auto raw = Tensor::allocate(DType::kUint8, {static_cast<int64_t>(size) + 1});  // see load()
  if (!decompressor || !raw.ok()) return false;
  raw_ = *std::move(raw);
  at_ = raw_.mutable_values<uint8_t>().data();
  // Asked for how much it made, it would let a stream pass that makes less.
  if (libdeflate_zlib_decompress(decompressor.get(), stream.data(), stream.size(), at_, size,
                                 nullptr) != LIBDEFLATE_SUCCESS) {
    return false;
  }
  for (size_t y = 0; y < size; y += stride_ + 1) {
    if (at_[y] >= kFilters) return false;
  }
  return true;
}

void PngRaw::row(uint8_t* rgb) {
  const auto filter = static_cast<Filter>(*at_);
  uint8_t* pixels = at_ + 1;
  if (!before_ && filter != kNone) {  // above the first row are zeros
    thread_local std::vector<uint8_t> zeros;
    zeros.assign(stride_, 0);
    undo(filter, samples_, pixels, zeros.data(), stride_);
  } else if (filter == kUp) {
    for (size_t i = 0; i < stride_; ++i) pixels[i] = static_cast<uint8_t>(pixels[i] + before_[i]);
  } else if (filter != kNone && samples_ == 3) {
    undo_pixels<3>(filter, pixels, before_, stride_);
  } else if (filter != kNone && samples_ == 4) {
    undo_pixels<4>(filter, pixels, before_, stride_);
  } else if (filter != kNone) {
    undo(filter, samples_, pixels, before_, stride_);
  }
  before_ = pixels;
  at_ += stride_ + 1;
  const auto width = static_cast<size_t>(width_);
  if (samples_ == 3) {
    std::memcpy(rgb, pixels, stride_);
  } else if (samples_ == 4) {
    for (size_t x = 0; x < width; ++x) std::memcpy(rgb + 3 * x, pixels + 4 * x, 3);
  } else {
    for (size_t x = 0; x < width; ++x) std::memset(rgb + 3 * x, pixels[samples_ * x], 3);
  }
}

}  // namespace leat::image

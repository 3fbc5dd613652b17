#include "ops/image/picture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace leat {

Reduction reduction(ImageSize size, ImageSize full) {
  for (int by : {1, 2, 4, 8}) {
    const auto reduced = [&](int length) { return (int64_t{length} + by - 1) / by; };
    if (reduced(full.width) == size.width && reduced(full.height) == size.height) {
      return {static_cast<double>(by), static_cast<double>(by)};
    }
  }
  return {static_cast<double>(full.width) / size.width,
          static_cast<double>(full.height) / size.height};
}

Result<Pixels> pixels_of(const Tensor& image) {
  const Shape& shape = image.shape();
  assert(image.dtype() == DType::kUint8 && shape.rank() == 3 && shape[2] == 3);
  constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;
  if (shape[0] < 1 || shape[1] < 1 || shape[0] > kMost || shape[1] > kMost) {
    return Status(Code::kBadInput, cat("the picture is ", shape[1], " x ", shape[0],
                                       " pixels (width x height); at least 1 x 1 is wanted"));
  }
  const ImageSize size{static_cast<int>(shape[1]), static_cast<int>(shape[0])};
  const ImageSize full = image.full_size();
  const Reduction by = reduction(size, full);
  return Pixels{reinterpret_cast<const uint8_t*>(image.data()), size.width, size.height,
                full.width / by.across, full.height / by.down};
}

Status check_result_size(const Pixels& source, double width, double height) {
  constexpr double kMostSide = 32768;
  const double most = std::max(4.0 * source.width * source.height, 16.0 * (1 << 20));
  if (width <= kMostSide && height <= kMostSide && width * height <= most) return {};
  return Status(Code::kBadInput, cat("the result would be ", bound_text(std::round(width)), " x ",
                                     bound_text(std::round(height)),
                                     " pixels (width x height); allowed: ", bound_text(kMostSide),
                                     " each way, and ", bound_text(most), " in all"));
}

ParamSpec color_param(const char* name, std::vector<double> fallback, const char* doc) {
  return {.name = name,
          .type = ParamType::kFloats,
          .fallback = std::move(fallback),
          .min = 0,
          .max = 255,
          .doc = cat(doc, ": one number, or red, green and blue, 0 to 255")};
}

Result<Colour> color_of(const Params& params, const char* name) {
  const std::vector<double>& numbers = params.reals(name);
  if (numbers.size() != 1 && numbers.size() != 3) {
    return Status(Code::kBadInput, cat(name, " has ", numbers.size(),
                                       " numbers; allowed: 1, or 3 (red, green, blue)"));
  }
  Colour colour;
  for (size_t c = 0; c < 3; ++c) {
    colour[c] = static_cast<uint8_t>(numbers[numbers.size() == 1 ? 0 : c] + 0.5);
  }
  return colour;
}

ParamSpec filter_param() {
  return {.name = "filter",
          .type = ParamType::kChoice,
          .fallback = "bilinear",
          .choices = {"bilinear", "area", "nearest", "bicubic", "lanczos"},
          .doc =
              "How pixels are weighed, each as Pillow computes it: bilinear, area (BOX), bicubic "
              "and lanczos are antialiased; nearest takes one pixel"};
}

Filter filter_of(const Params& params) {
  const std::string& name = params.text("filter");
  return name == "area"      ? Filter::kArea
         : name == "nearest" ? Filter::kNearest
         : name == "bicubic" ? Filter::kBicubic
         : name == "lanczos" ? Filter::kLanczos
                             : Filter::kBilinear;
}

}  // namespace leat

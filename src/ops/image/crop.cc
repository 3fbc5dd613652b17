// image.crop: a rectangle of a picture, as a picture.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "ops/image/picture.h"

namespace leat {

namespace {

// [begin, end) along one axis.
struct Range {
  double begin, end;

  Range wider(double margin) const {
    const double more = margin > 0 ? (end - begin) * margin : 0;  // an infinite box stays one
    return {begin - more, end + more};
  }
  // To the nearest whole pixels of a picture of `length` pixels that stands for `full` pixels.
  Range in_pixels(int length, int full) const {
    double scale = static_cast<double>(length) / full;
    double most = length;
    return {std::clamp(std::floor(begin * scale + 0.5), 0.0, most),
            std::clamp(std::floor(end * scale + 0.5), 0.0, most)};
  }
  double length() const { return end - begin; }
};

double element(const Tensor& numbers, size_t i) {
  switch (numbers.dtype()) {
    case DType::kFp32:
      return static_cast<double>(numbers.values<float>()[i]);
    case DType::kFp64:
      return numbers.values<double>()[i];
    case DType::kInt32:
      return numbers.values<int32_t>()[i];
    default:
      return static_cast<double>(numbers.values<int64_t>()[i]);
  }
}

class Crop final : public Op {
 public:
  explicit Crop(double margin) : margin_(margin) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    const Tensor& box = call.input(1);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    const ImageSize full = image.full_size();
    double side[4];
    for (size_t i = 0; i < 4; ++i) side[i] = element(box, i);
    const Range across = Range{side[0], side[2]}.wider(margin_).in_pixels(source.width, full.width);
    const Range down = Range{side[1], side[3]}.wider(margin_).in_pixels(source.height, full.height);
    // Written so that a NaN fails.
    if (!(across.length() >= 1 && down.length() >= 1)) {
      return Status(Code::kBadInput,
                    cat("box [", side[0], ", ", side[1], ", ", side[2], ", ", side[3],
                        "] (x1, y1, x2, y2) covers no pixel of the picture, which is ", full.width,
                        " x ", full.height, " (width x height)"));
    }
    const auto left = static_cast<size_t>(across.begin), top = static_cast<size_t>(down.begin);
    const auto width = static_cast<size_t>(across.length());
    const auto height = static_cast<size_t>(down.length());
    LEAT_ASSIGN(Tensor * out,
                call.output(0, DType::kUint8,
                            {static_cast<int64_t>(height), static_cast<int64_t>(width), 3}));
    const size_t stride = static_cast<size_t>(source.width) * 3;
    std::byte* to = out->mutable_data();
    for (size_t y = 0; y < height; ++y) {
      std::memcpy(to + y * width * 3, source.data + (top + y) * stride + left * 3, width * 3);
    }
    const auto original = [](double length, int part, int whole) {
      return std::max(1, static_cast<int>(std::lround(length * whole / part)));
    };
    out->set_full_size({original(across.length(), source.width, full.width),
                        original(down.length(), source.height, full.height)});
    return {};
  }

 private:
  double margin_;
};

}  // namespace

LEAT_OP(
    ({.name = "image.crop",
      .doc = "Cuts a rectangle out of a picture. What lies outside of the picture is cut off; a "
             "box that covers no pixel of it is an error.",
      .inputs = {{"image", "IMAGE", "the picture"},
                 {"box", "FP32|FP64|INT32|INT64[4]",
                  "x1, y1, x2, y2 in pixels of the upright original; fractions are rounded"}},
      .outputs = {{"image", "IMAGE", "the part"}},
      .params = {{.name = "margin",
                  .type = ParamType::kFloat,
                  .fallback = 0.0,
                  .min = 0,
                  .max = 100,
                  .doc = "Widens the box on each side by this part of its own length"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        return std::make_unique<Crop>(setup.params.real("margin"));
      }}));

}  // namespace leat

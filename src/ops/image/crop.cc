// image.crop: a rectangle of a picture, as a picture.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "ops/image/picture.h"
#include "ops/tensor/elements.h"

namespace leat {

namespace {

// [begin, end) along one axis.
struct Range {
  double begin, end;

  Range wider(double margin) const {
    const double more = margin > 0 ? (end - begin) * margin : 0;  // an infinite box stays one
    return {begin - more, end + more};
  }
  // To the nearest whole pixels of a picture of `length` pixels, each of which stands for `by` of
  // the original's `full`, the last for what is left.
  Range in_pixels(int length, double by, int full) const {
    const auto nearest = [&](double at) {
      return at >= full ? length
                        : std::clamp(std::floor(at / by + 0.5), 0.0, static_cast<double>(length));
    };
    return {nearest(begin), nearest(end)};
  }
  // How many of the original's `full` pixels these pixels stand for.
  int in_full(double by, int full) const {
    return std::max(1, static_cast<int>(std::lround(std::min(end * by, static_cast<double>(full)) -
                                                    begin * by)));
  }
  double length() const { return end - begin; }
};

std::array<double, 4> sides(const Tensor& box) {
  return visit_number(box.dtype(), [&]<typename T>() {
    std::array<double, 4> out;
    for (size_t i = 0; i < 4; ++i) out[i] = static_cast<double>(wide(box.values<T>()[i]));
    return out;
  });
}

class Crop final : public Op {
 public:
  Crop(double margin, std::optional<ImageNeed> need) : margin_(margin), need_(need) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    const Tensor& box = call.input(1);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    const ImageSize full = image.full_size();
    const Reduction by = reduction({source.width, source.height}, full);
    const std::array<double, 4> side = sides(box);
    const Range across =
        Range{side[0], side[2]}.wider(margin_).in_pixels(source.width, by.across, full.width);
    const Range down =
        Range{side[1], side[3]}.wider(margin_).in_pixels(source.height, by.down, full.height);
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
    out->set_full_size({across.in_full(by.across, full.width), down.in_full(by.down, full.height)});
    return {};
  }

  std::optional<ImageNeed> need(size_t) const override { return need_; }

 private:
  const double margin_;
  const std::optional<ImageNeed> need_;
};

// Of a box that is known: the box, as large as the one consumer of it needs it, or all its pixels.
std::optional<ImageNeed> need_of(const OpSetup& setup, double margin) {
  if (setup.constants.size() < 2 || !setup.constants[1]) return std::nullopt;
  const std::array<double, 4> side = sides(setup.constants[1]);
  const Range across = Range{side[0], side[2]}.wider(margin);
  const Range down = Range{side[1], side[3]}.wider(margin);
  const ImageBox box{across.begin, down.begin, across.end, down.end};
  if (!(across.length() > 0 && down.length() > 0)) return std::nullopt;  // it will fail anyway
  ImageNeed need{ImageNeed::kAny, ImageNeed::kAny, Fit::kStretch};
  const std::vector<ImageNeed>& needs = setup.needs[0];
  if (needs.size() == 1 && !needs[0].box) need = needs[0];
  need.box = box;
  return need;
}

}  // namespace

LEAT_OP(
    ({.name = "image.crop",
      .doc = "Cuts a rectangle out of a picture. What lies outside of the picture is cut off; a "
             "box that covers no pixel of it is an error.",
      .inputs = {{"image", "IMAGE", "the picture"},
                 {"box", "FP16|BF16|FP32|FP64|INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64[4]",
                  "x1, y1, x2, y2 in pixels of the upright original; fractions are rounded"}},
      .outputs = {{"image", "IMAGE", "the part"}},
      .params = {{.name = "margin",
                  .type = ParamType::kFloat,
                  .fallback = 0.0,
                  .min = 0,
                  .max = 100,
                  .doc = "Widens the box on each side by this part of its own length"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        const double margin = setup.params.real("margin");
        return std::make_unique<Crop>(margin, need_of(setup, margin));
      }}));

}  // namespace leat

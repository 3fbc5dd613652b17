// image.resize: a picture at another size, as a picture.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/image/picture.h"
#include "ops/image/placement.h"

namespace leat {

namespace {

constexpr int kMostSide = 32768;

class Resize final : public Op {
 public:
  // 0: whatever keeps the aspect. With `inside` both are bounds.
  Resize(int width, int height, bool inside, Filter filter)
      : width_(width), height_(height), inside_(inside), filter_(filter) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    const ImageSize full = image.full_size();
    LEAT_ASSIGN(ImageSize size, target(full));
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {size.height, size.width, 3}));
    resample(source, {.width = size.width, .height = size.height, .filter = filter_}, PixelFormat{},
             {out->mutable_data(), size.width, size.height, {0, 0, size.width, size.height}});
    out->set_full_size(full);
    return {};
  }

  std::optional<ImageNeed> need(size_t) const override {
    if (filter_ == Filter::kNearest) return std::nullopt;
    const bool whole = inside_ || width_ == 0 || height_ == 0;
    constexpr int kAny = ImageNeed::kAny;
    return ImageNeed{width_ ? width_ : kAny, height_ ? height_ : kAny,
                     whole ? Fit::kLetterbox : Fit::kStretch};
  }

 private:
  Result<ImageSize> target(ImageSize full) const {
    if (width_ && height_ && !inside_) return ImageSize{width_, height_};
    double across = static_cast<double>(width_) / full.width;
    double down = static_cast<double>(height_) / full.height;
    double scale = width_ == 0 ? down : height_ == 0 ? across : std::min(across, down);
    double width = std::max(1.0, std::floor(full.width * scale + 0.5));
    double height = std::max(1.0, std::floor(full.height * scale + 0.5));
    if (width > kMostSide || height > kMostSide) {
      return Status(Code::kBadInput,
                    cat("a picture of ", full.width, " x ", full.height, " would become ",
                        static_cast<int64_t>(width), " x ", static_cast<int64_t>(height),
                        " (width x height); at most ", kMostSide, " each way is allowed"));
    }
    return ImageSize{static_cast<int>(width), static_cast<int>(height)};
  }

  int width_;
  int height_;
  bool inside_;
  Filter filter_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  int width = params.has("width") ? static_cast<int>(params.integer("width")) : 0;
  int height = params.has("height") ? static_cast<int>(params.integer("height")) : 0;
  const bool inside = params.text("fit") == "inside";
  if (width == 0 && height == 0) {
    return Status(Code::kBadInput,
                  "neither width nor height is set; set one (the other keeps the "
                  "picture's aspect) or both");
  }
  if (inside && (width == 0 || height == 0)) {
    return Status(Code::kBadInput, cat("fit: inside takes width and height; ",
                                       width == 0 ? "width" : "height", " is not set"));
  }
  if (width && height && !inside) {
    setup.outputs[0].dims[0] = {height, ""};
    setup.outputs[0].dims[1] = {width, ""};
  }
  return std::make_unique<Resize>(width, height, inside, filter_of(params));
}

}  // namespace

LEAT_OP(
    ({.name = "image.resize",
      .doc = "Scales a picture. With width or height alone the other follows from the picture's "
             "aspect. Boxes still count in pixels of the original.",
      .inputs = {{"image", "IMAGE", "the picture"}},
      .outputs = {{"image", "IMAGE", "the whole picture at the new size"}},
      .params = {{.name = "width",
                  .type = ParamType::kInt,
                  .min = 1,
                  .max = kMostSide,
                  .doc = "Of the result, in pixels"},
                 {.name = "height",
                  .type = ParamType::kInt,
                  .min = 1,
                  .max = kMostSide,
                  .doc = "Of the result, in pixels"},
                 {.name = "fit",
                  .type = ParamType::kChoice,
                  .fallback = "stretch",
                  .choices = {"stretch", "inside"},
                  .doc = "Where both are set: stretch gives exactly this size; inside keeps the "
                         "aspect, and both are bounds"},
                 filter_param()},
      .make = make}));

}  // namespace leat

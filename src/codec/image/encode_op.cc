#include <cmath>

#include "codec/image/image.h"
#include "codec/image/shrink.h"
#include "leat/op.h"

namespace leat {

namespace {

class Encode final : public Op {
 public:
  Encode(bool jpeg, int quality, int max_side)
      : jpeg_(jpeg), quality_(quality), max_side_(max_side) {}

  Status run(OpCall& call) const override {
    const Tensor& picture = call.input(0);
    image::View view{picture.values<uint8_t>().data(), static_cast<int>(picture.shape()[1]),
                     static_cast<int>(picture.shape()[0])};
    if (view.width == 0 || view.height == 0) {
      return {Code::kBadInput, "image: a picture without pixels cannot be encoded"};
    }
    Tensor smaller;
    ImageSize size = target(picture.full_size());
    size = {std::min(size.width, view.width), std::min(size.height, view.height)};
    if (size.width < view.width || size.height < view.height) {
      LEAT_ASSIGN(smaller, Tensor::allocate(DType::kUint8, {size.height, size.width, 3}));
      uint8_t* pixels = smaller.mutable_values<uint8_t>().data();
      image::shrink(view, size.width, size.height, pixels);
      view = {pixels, size.width, size.height};
    }
    thread_local std::vector<uint8_t> file;
    LEAT_TRY(jpeg_ ? image::encode_jpeg(view, quality_, file) : image::encode_png(view, file));
    LEAT_ASSIGN(Tensor bytes, Tensor::bytes({reinterpret_cast<char*>(file.data()), file.size()}));
    call.give(0, std::move(bytes));
    constexpr size_t kKept = 8 << 20;
    if (file.capacity() > kKept) std::vector<uint8_t>().swap(file);
    return {};
  }

  std::optional<ImageNeed> need(size_t) const override {
    if (max_side_ == 0) return std::nullopt;
    return ImageNeed{max_side_, max_side_, Fit::kLetterbox};
  }

 private:
  // By the full picture, so that the size does not depend on how it was decoded.
  ImageSize target(ImageSize full) const {
    int longer = std::max(full.width, full.height);
    if (max_side_ == 0 || longer <= max_side_) return full;
    auto scaled = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(double{1} * side * max_side_ / longer)));
    };
    return {scaled(full.width), scaled(full.height)};
  }

  const bool jpeg_;
  const int quality_;
  const int max_side_;
};

LEAT_OP(({.name = "image.encode",
          .doc = "Writes a picture as JPEG or PNG.",
          .inputs = {{"image", "IMAGE", "the picture"}},
          .outputs = {{"data", "BYTES", "the file's bytes"}},
          .params = {{.name = "format",
                      .type = ParamType::kChoice,
                      .fallback = std::string("JPEG"),
                      .choices = {"JPEG", "PNG"},
                      .doc = "JPEG is small, PNG exact"},
                     {.name = "quality",
                      .type = ParamType::kInt,
                      .fallback = int64_t{85},
                      .min = 1,
                      .max = 100,
                      .doc = "of a JPEG, chroma at half resolution"},
                     {.name = "max_side",
                      .type = ParamType::kInt,
                      .fallback = int64_t{0},
                      .min = 0,
                      .max = 65500,
                      .doc = "in pixels: a picture whose longer side is longer is made smaller, by "
                             "averaging areas; 0: as it is"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            const Params& params = setup.params;
            return std::unique_ptr<Op>(new Encode(params.text("format") == "JPEG",
                                                  static_cast<int>(params.integer("quality")),
                                                  static_cast<int>(params.integer("max_side"))));
          }}));

}  // namespace

}  // namespace leat

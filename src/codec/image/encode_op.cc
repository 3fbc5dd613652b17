#include <cmath>

#include "codec/image/image.h"
#include "codec/image/shrink.h"
#include "leat/op.h"

namespace leat {

namespace {

class Encode final : public Op {
 public:
  Encode(const Params& params)
      : format_(params.text("format")),
        quality_(static_cast<int>(params.integer("quality"))),
        lossless_(params.flag("lossless")),
        max_side_(static_cast<int>(params.integer("max_side"))) {}

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
    LEAT_TRY(write(view, file));
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
  Status write(image::View view, std::vector<uint8_t>& file) const {
    if (format_ == "JPEG") return image::encode_jpeg(view, quality_, file);
    if (format_ == "PNG") return image::encode_png(view, file);
    if (lossless_) return image::encode_webp_lossless(view, file);
    return image::encode_webp(view, quality_, file);
  }

  // By the full picture, so that the size does not depend on how it was decoded.
  ImageSize target(ImageSize full) const {
    int longer = std::max(full.width, full.height);
    if (max_side_ == 0 || longer <= max_side_) return full;
    auto scaled = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(double{1} * side * max_side_ / longer)));
    };
    return {scaled(full.width), scaled(full.height)};
  }

  const std::string format_;
  const int quality_;
  const bool lossless_;
  const int max_side_;
};

LEAT_OP(({.name = "image.encode",
          .doc = "Writes a picture as JPEG, PNG or WebP.",
          .inputs = {{"image", "IMAGE", "the picture"}},
          .outputs = {{"data", "BYTES", "the file's bytes"}},
          .params = {{.name = "format",
                      .type = ParamType::kChoice,
                      .fallback = std::string("JPEG"),
                      .choices = {"JPEG", "PNG", "WebP"},
                      .doc = "JPEG is small, WebP smaller and slower, PNG exact"},
                     {.name = "quality",
                      .type = ParamType::kInt,
                      .fallback = int64_t{85},
                      .min = 1,
                      .max = 100,
                      .doc = "of a JPEG or WebP, chroma at half resolution"},
                     {.name = "lossless",
                      .type = ParamType::kBool,
                      .fallback = false,
                      .doc = "of a WebP: exact, whatever the quality"},
                     {.name = "max_side",
                      .type = ParamType::kInt,
                      .fallback = int64_t{0},
                      .min = 0,
                      .max = 65500,
                      .doc = "in pixels: a picture whose longer side is longer is made smaller, by "
                             "averaging areas; 0: as it is"}},
          .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
            const Params& params = setup.params;
            if (params.flag("lossless") && params.text("format") == "JPEG") {
              return Status(Code::kBadInput, "lossless: a JPEG is not; PNG and WebP can be");
            }
            return std::unique_ptr<Op>(new Encode(params));
          }}));

}  // namespace

}  // namespace leat

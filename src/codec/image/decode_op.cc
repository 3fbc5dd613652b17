#include <algorithm>

#include "base/text.h"
#include "codec/image/image.h"
#include "leat/op.h"

namespace leat {

namespace {

// The output port as a canvas.
class PortCanvas final : public image::Canvas {
 public:
  explicit PortCanvas(OpCall& call) : call_(call) {}
  Result<uint8_t*> memory(int width, int height) override {
    LEAT_ASSIGN(picture_, call_.output(0, DType::kUint8, {height, width, 3}));
    return picture_->mutable_values<uint8_t>().data();
  }
  bool abandoned() const override { return call_.abandoned(); }
  Tensor& picture() { return *picture_; }

 private:
  OpCall& call_;
  Tensor* picture_ = nullptr;
};

class Decode final : public Op {
 public:
  Decode(const Params& params, std::vector<ImageNeed> needs, bool tells_intact)
      : max_pixels_(static_cast<int64_t>(params.real("max_megapixels") * 1e6)),
        oversample_(params.real("oversample")),
        recover_(params.text("broken") == "recover"),
        to_the_end_(!recover_ || tells_intact),
        needs_(std::move(needs)) {}

  Status run(OpCall& call) const override {
    const Tensor& data = call.input(0);
    image::Bytes bytes(reinterpret_cast<const uint8_t*>(data.data()), data.byte_size());
    PortCanvas canvas(call);
    image::DecodeOptions options{.max_pixels = max_pixels_,
                                 .needs = needs_,
                                 .oversample = oversample_,
                                 .recover = recover_,
                                 .to_the_end = to_the_end_};
    LEAT_ASSIGN(image::Header header, image::decode(bytes, options, canvas));
    canvas.picture().set_full_size(header.size);
    LEAT_ASSIGN(Tensor * intact, call.output(1, DType::kFp32, {}));
    intact->mutable_values<float>()[0] = static_cast<float>(header.intact);
    return {};
  }

  std::string remark() const override {
    if (needs_.empty()) return "decodes at full size";
    const bool scaled = std::ranges::any_of(needs_, has_target);
    std::string text =
        scaled ? "may decode a JPEG at 1/2, 1/4 or 1/8: " : "decodes no more of a JPEG than ";
    for (const ImageNeed& need : needs_) {
      if (&need != &needs_.front()) text += ", ";
      text += described(need);
    }
    return text;
  }

 private:
  static bool has_target(const ImageNeed& need) {
    return need.width != ImageNeed::kAny || need.height != ImageNeed::kAny;
  }
  // "the middle for 224 x 224", "640 x 480 at (100, 50)"
  static std::string described(const ImageNeed& need) {
    std::string part = need.fit == Fit::kCover ? "the middle" : "all";
    if (need.box) {
      const ImageBox& box = *need.box;
      part = cat(box.right - box.left, " x ", box.bottom - box.top, " at (", box.left, ", ",
                 box.top, ")");
    }
    if (!has_target(need)) return part;
    const auto side = [](int length) {
      return length == ImageNeed::kAny ? std::string("any") : cat(length);
    };
    return cat(part, " for ", side(need.width), " x ", side(need.height));
  }

  const int64_t max_pixels_;
  const double oversample_;
  const bool recover_, to_the_end_;
  const std::vector<ImageNeed> needs_;  // empty: full size
};

LEAT_OP(
    ({.name = "image.decode",
      .doc = "Turns the bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF into an upright RGB picture. "
             "The format is told by the bytes; of an animation, the first frame; alpha is dropped. "
             "JPEG is read with 8 bits a sample, not with 12, and neither lossless nor "
             "hierarchical.",
      .inputs = {{"data", "BYTES", "the file's bytes"}},
      .outputs = {{"image", "IMAGE", "the picture, upright after EXIF"},
                  {"intact", "FP32",
                   "the part of the picture that could be read, above 0; 1 for all of it"}},
      .params = {{.name = "max_megapixels",
                  .type = ParamType::kFloat,
                  .fallback = 100.0,
                  .min = 1e-6,
                  .max = 4300,
                  .doc = "a picture of more million pixels is refused before memory is taken"},
                 {.name = "reduce",
                  .type = ParamType::kBool,
                  .fallback = true,
                  .doc = "decode a JPEG at 1/2, 1/4 or 1/8 where every consumer scales to a "
                         "known size that is far smaller, and no more of it than the middle or "
                         "the constant boxes that they look at; boxes stay in full-size pixels"},
                 {.name = "oversample",
                  .type = ParamType::kFloat,
                  .fallback = 1.5,
                  .min = 1,
                  .max = 8,
                  .doc = "how many times larger than needed a reduced picture still is, at "
                         "least; at 2 what consumers get differs from a full decode by under "
                         "half a level on average, at 1 by one to two"},
                 {.name = "broken",
                  .type = ParamType::kChoice,
                  .fallback = std::string("recover"),
                  .choices = {"recover", "reject"},
                  .doc = "what becomes of a file that is cut short or damaged: recover gives what "
                         "can be read of it, the rest grey; reject fails. One of which nothing "
                         "can be read fails in any case"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        const Params& params = setup.params;
        std::vector<ImageNeed> needs;
        if (params.flag("reduce") && !setup.needs.empty()) needs = setup.needs[0];
        const bool tells_intact = setup.used.size() < 2 || setup.used[1];
        return std::unique_ptr<Op>(new Decode(params, std::move(needs), tells_intact));
      }}));

}  // namespace

}  // namespace leat

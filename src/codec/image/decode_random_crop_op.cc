// image.decode_random_crop: what training looks at of a picture, without decoding the rest.
//
// The box is drawn as torchvision's RandomResizedCrop draws it: up to ten times a share of the area
// and a ratio of the sides, the latter evenly by its logarithm, until a box like that fits; else
// the largest box in the middle whose ratio is allowed. In large pictures its edges are then put on
// multiples of 8 pixels, so that it can be had of a reduced decode as well.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "base/text.h"
#include "codec/image/image.h"
#include "leat/op.h"

namespace leat {

namespace {

constexpr uint64_t kStream = 0xc309;  // apart from those of other operators with the same seed

struct Box {
  int left, top, width, height;  // pixels of the upright original
};

struct Bounds {
  double area_min, area_max, aspect_min, aspect_max;
};

Box centred(ImageSize size, int width, int height) {
  return {(size.width - width) / 2, (size.height - height) / 2, width, height};
}

Box draw(ImageSize size, const Bounds& bounds, Random& random) {
  const double area = static_cast<double>(size.width) * size.height;
  for (int i = 0; i < 10; ++i) {
    const double target = area * random.within(bounds.area_min, bounds.area_max);
    const double aspect =
        std::exp(random.within(std::log(bounds.aspect_min), std::log(bounds.aspect_max)));
    const auto width = static_cast<int>(std::lround(std::sqrt(target * aspect)));
    const auto height = static_cast<int>(std::lround(std::sqrt(target / aspect)));
    if (width < 1 || height < 1 || width > size.width || height > size.height) continue;
    return {static_cast<int>(random.unit() * (size.width - width + 1)),
            static_cast<int>(random.unit() * (size.height - height + 1)), width, height};
  }
  const double aspect = static_cast<double>(size.width) / size.height;
  const double nearest = std::clamp(aspect, bounds.aspect_min, bounds.aspect_max);
  if (aspect < nearest) {
    return centred(size, size.width,
                   std::clamp(static_cast<int>(size.width / nearest), 1, size.height));
  }
  return centred(size, std::clamp(static_cast<int>(size.height * nearest), 1, size.width),
                 size.height);
}

// One side of a box, with edges on multiples of 8 or at the picture's.
void align(int& begin, int& length, int full) {
  constexpr int kStep = 8;
  const int end = begin + length;
  begin = (begin + kStep / 2) / kStep * kStep;
  length = (end == full ? full : std::min(full, (end + kStep / 2) / kStep * kStep)) - begin;
}

class ScratchCanvas final : public image::Canvas {
 public:
  explicit ScratchCanvas(const OpCall& call) : call_(call) {}
  Result<uint8_t*> memory(int width, int height) override {
    LEAT_ASSIGN(picture, Tensor::allocate(DType::kUint8, {height, width, 3}));
    return picture.mutable_values<uint8_t>().data();
  }
  bool abandoned() const override { return call_.abandoned(); }

  Tensor picture;

 private:
  const OpCall& call_;
};

class DecodeRandomCrop final : public Op {
 public:
  DecodeRandomCrop(const Params& params, ImageNeed need)
      : bounds_{params.real("area_min"), params.real("area_max"), params.real("aspect_min"),
                params.real("aspect_max")},
        max_pixels_(static_cast<int64_t>(params.real("max_megapixels") * 1e6)),
        oversample_(params.real("oversample")),
        recover_(params.text("broken") == "recover"),
        need_(need) {}

  Status run(OpCall& call) const override {
    const Tensor& data = call.input(0);
    const image::Bytes bytes(reinterpret_cast<const uint8_t*>(data.data()), data.byte_size());
    LEAT_ASSIGN(image::Header header, image::read_header(bytes));
    const ImageSize size = header.size;
    Random random(static_cast<uint64_t>(call.input(1).values<int64_t>()[0]), kStream);
    Box box = draw(size, bounds_, random);
    if (std::min(box.width, box.height) >= kLarge) {
      align(box.left, box.width, size.width);
      align(box.top, box.height, size.height);
    }
    ImageNeed need = need_;
    need.box = {static_cast<double>(box.left), static_cast<double>(box.top),
                static_cast<double>(box.left + box.width),
                static_cast<double>(box.top + box.height)};
    ScratchCanvas canvas(call);
    LEAT_TRY(image::decode(bytes,
                           {.max_pixels = max_pixels_,
                            .needs = {&need, 1},
                            .oversample = oversample_,
                            .recover = recover_,
                            .to_the_end = !recover_},
                           canvas)
                 .status());
    LEAT_TRY(cut(call, canvas.picture, box, size));
    LEAT_ASSIGN(Tensor * sides, call.output(1, DType::kFp32, {4}));
    const double corners[] = {need.box->left, need.box->top, need.box->right, need.box->bottom};
    for (size_t i = 0; i < 4; ++i) {
      sides->mutable_values<float>()[i] = static_cast<float>(corners[i]);
    }
    return {};
  }

 private:
  static constexpr int kLarge = 64;  // of a box that may come of a reduced picture

  static Status cut(OpCall& call, const Tensor& picture, const Box& box, ImageSize size) {
    const auto wide = static_cast<int>(picture.shape()[1]);
    const auto high = static_cast<int>(picture.shape()[0]);
    int by = 8;  // reduced to, rounded up
    const auto reduced = [&](int length) { return (length + by - 1) / by; };
    while (by > 1 && (reduced(size.width) != wide || reduced(size.height) != high)) by /= 2;
    const int left = box.left / by, top = box.top / by;
    const int width = reduced(box.left + box.width) - left;
    const int height = reduced(box.top + box.height) - top;
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {height, width, 3}));
    const size_t stride = size_t{3} * static_cast<size_t>(wide);
    const size_t row = size_t{3} * static_cast<size_t>(width);
    const std::byte* from =
        picture.data() + static_cast<size_t>(top) * stride + size_t{3} * static_cast<size_t>(left);
    for (int y = 0; y < height; ++y, from += stride) {
      std::memcpy(out->mutable_data() + static_cast<size_t>(y) * row, from, row);
    }
    out->set_full_size({box.width, box.height});
    return {};
  }

  const Bounds bounds_;
  const int64_t max_pixels_;
  const double oversample_;
  const bool recover_;
  const ImageNeed need_;  // of the box
};

ParamSpec number(const char* name, double fallback, double min, double max, const char* doc) {
  return {.name = name,
          .type = ParamType::kFloat,
          .fallback = fallback,
          .min = min,
          .max = max,
          .doc = doc};
}

LEAT_OP(
    ({.name = "image.decode_random_crop",
      .doc =
          "Decodes a random box of a picture, for training; the rest of a JPEG is not decoded. The "
          "same seed always gives the same.",
      .inputs = {{"data", "BYTES", "the file's bytes"},
                 {"seed", "INT64", "says which; `leat.Loader` gives each sample its own"}},
      .outputs = {{"image", "IMAGE", "the box"},
                  {"box", "FP32[4]", "x1, y1, x2, y2 in pixels of the upright original"}},
      .params = {number("area_min", 0.08, 1e-4, 1, "the least part of the picture's area"),
                 number("area_max", 1, 1e-4, 1, "the greatest part of it"),
                 number("aspect_min", 0.75, 0.01, 100, "the least ratio of width to height"),
                 number("aspect_max", 4.0 / 3, 0.01, 100, "the greatest"),
                 number("max_megapixels", 100, 1e-6, 4300,
                        "a picture of more million pixels is refused before memory is taken"),
                 number(
                     "oversample", 1.5, 1, 8,
                     "how many times larger than needed the box still is, at least, when a JPEG is "
                     "decoded at 1/2, 1/4 or 1/8"),
                 {.name = "broken",
                  .type = ParamType::kChoice,
                  .fallback = std::string("recover"),
                  .choices = {"recover", "reject"},
                  .doc = "what becomes of a damaged file, as of image.decode"}},
      .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
        const Params& params = setup.params;
        for (const char* what : {"area", "aspect"}) {
          const std::string low = cat(what, "_min"), high = cat(what, "_max");
          if (params.real(low) <= params.real(high)) continue;
          return Status(Code::kBadInput, cat(low, " is ", params.real(low), ", which is more than ",
                                             high, ", ", params.real(high)));
        }
        ImageNeed need{ImageNeed::kAny, ImageNeed::kAny, Fit::kStretch};
        if (!setup.needs.empty() && setup.needs[0].size() == 1 && !setup.needs[0][0].box) {
          need = setup.needs[0][0];
        }
        return std::unique_ptr<Op>(new DecodeRandomCrop(params, need));
      }}));

}  // namespace

}  // namespace leat

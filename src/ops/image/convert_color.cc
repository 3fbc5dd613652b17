// image.convert_color: RGB as another kind of colour, pixel by pixel.
#include <algorithm>
#include <cmath>

#include "ops/image/picture.h"

namespace leat {

namespace {

void to_bgr(const uint8_t* in, uint8_t* out) {
  out[0] = in[2];
  out[1] = in[1];
  out[2] = in[0];
}

void to_grey(const uint8_t* in, uint8_t* out) { out[0] = out[1] = out[2] = luma(in); }

// JFIF: the luma, and how far blue and red are from it, about 128.
void to_ycbcr(const uint8_t* in, uint8_t* out) {
  constexpr int kMiddle = (128 << 16) + 0x7FFF;  // rounds, and keeps the largest at 255
  const int r = in[0], g = in[1], b = in[2];
  out[0] = luma(in);
  out[1] = static_cast<uint8_t>((-11059 * r - 21709 * g + 32768 * b + kMiddle) >> 16);
  out[2] = static_cast<uint8_t>((32768 * r - 27439 * g - 5329 * b + kMiddle) >> 16);
}

// What OpenCV computes, to the last bit: quotients are multiplications with 12 fractional bits.
struct Quotients {
  std::array<int, 256> saturation{}, hue{};

  Quotients() {
    for (size_t i = 1; i < 256; ++i) {
      saturation[i] = static_cast<int>(std::nearbyint(255 * 4096.0 / static_cast<double>(i)));
      hue[i] = static_cast<int>(std::nearbyint(30 * 4096.0 / static_cast<double>(i)));
    }
  }
};

void to_hsv(const uint8_t* in, uint8_t* out) {
  static const Quotients kQuotients;
  const int r = in[0], g = in[1], b = in[2];
  const int value = std::max({r, g, b});
  const int range = value - std::min({r, g, b});
  const auto at = [](int i) { return static_cast<size_t>(i); };
  const int sixths = value == r ? g - b : value == g ? b - r + 2 * range : r - g + 4 * range;
  const int hue = (sixths * kQuotients.hue[at(range)] + 2048) >> 12;
  out[0] = static_cast<uint8_t>(hue < 0 ? hue + 180 : hue);
  out[1] = static_cast<uint8_t>((range * kQuotients.saturation[at(value)] + 2048) >> 12);
  out[2] = static_cast<uint8_t>(value);
}

// CIE 1976 L*a*b* of sRGB under D65, by tables: of bytes that become linear, and of the cube root
// that the definition takes of them, between whose entries is interpolated (off by 1e-5 at most).
struct LabTables {
  static constexpr int kSteps = 4096;
  std::array<float, 256> linear{};
  std::array<float, kSteps + 2> root{};

  LabTables() {
    for (size_t i = 0; i < 256; ++i) {
      const double x = static_cast<double>(i) / 255;
      linear[i] = static_cast<float>(x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4));
    }
    for (size_t i = 0; i < root.size(); ++i) {
      const double t = static_cast<double>(i) / kSteps;
      constexpr double kEdge = 6.0 / 29;
      root[i] = static_cast<float>(t > kEdge * kEdge * kEdge ? std::cbrt(t)
                                                             : t / (3 * kEdge * kEdge) + 4.0 / 29);
    }
  }

  float root_of(float t) const {
    const float at = std::min(t, 1.0f) * kSteps;  // the weights sum to 1 but for rounding
    const auto i = static_cast<size_t>(at);
    return root[i] + (root[i + 1] - root[i]) * (at - static_cast<float>(i));
  }
};

void to_lab(const uint8_t* in, uint8_t* out) {
  static const LabTables kTables;
  const float r = kTables.linear[in[0]], g = kTables.linear[in[1]], b = kTables.linear[in[2]];
  // X, Y and Z, each in units of white's.
  const float x = kTables.root_of(0.433953f * r + 0.376219f * g + 0.189828f * b);
  const float y = kTables.root_of(0.212671f * r + 0.715160f * g + 0.072169f * b);
  const float z = kTables.root_of(0.017758f * r + 0.109477f * g + 0.872766f * b);
  out[0] = static_cast<uint8_t>((116 * y - 16) * 2.55f + 0.5f);
  out[1] = static_cast<uint8_t>(500 * (x - y) + 128.5f);
  out[2] = static_cast<uint8_t>(200 * (y - z) + 128.5f);
}

using Convert = void (*)(const uint8_t* in, uint8_t* out);

template <Convert convert>
void convert_all(const uint8_t* in, uint8_t* out, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) convert(in + 3 * i, out + 3 * i);
}

using ConvertAll = void (*)(const uint8_t* in, uint8_t* out, size_t pixels);

class ConvertColor final : public Op {
 public:
  explicit ConvertColor(ConvertAll convert) : convert_(convert) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, image.shape()));
    convert_(image.values<uint8_t>().data(), out->mutable_values<uint8_t>().data(),
             image.byte_size() / 3);
    out->set_full_size(image.full_size());
    return {};
  }

 private:
  ConvertAll convert_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const std::string& to = setup.params.text("to");
  setup.outputs[0].dims = setup.inputs[0]->dims;
  setup.outputs[0].image = to == "GREY";
  return std::make_unique<ConvertColor>(to == "BGR"     ? convert_all<to_bgr>
                                        : to == "GREY"  ? convert_all<to_grey>
                                        : to == "HSV"   ? convert_all<to_hsv>
                                        : to == "YCbCr" ? convert_all<to_ycbcr>
                                                        : convert_all<to_lab>);
}

}  // namespace

LEAT_OP((
    {.name = "image.convert_color",
     .doc = "Gives a picture's pixels as another kind of colour, in three bytes. What comes out is "
            "no longer RGB (but for GREY), which other operators on pictures take it to be.",
     .inputs = {{"image", "IMAGE", "the picture"}},
     .outputs = {{"image", "UINT8[?,?,3]", "height, width, and the three values of each pixel"}},
     .params = {{.name = "to",
                 .type = ParamType::kChoice,
                 .required = true,
                 .choices = {"BGR", "GREY", "HSV", "YCbCr", "LAB"},
                 .doc = "GREY: the luma of ITU-R 601, as Pillow's, three times, so that it is "
                        "still a picture. HSV: as OpenCV's COLOR_RGB2HSV, H in 0..179. YCbCr: as "
                        "in JPEG files (JFIF); Pillow's is off by up to 1. LAB: CIE L*a*b* of sRGB "
                        "under D65 as L * 2.55, a + 128, b + 128, the layout of OpenCV's "
                        "COLOR_RGB2Lab, which is off by up to 3"}},
     .make = make}));

}  // namespace leat

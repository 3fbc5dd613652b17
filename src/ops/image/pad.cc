// image.pad: a picture with a border.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "ops/image/picture.h"

namespace leat {

namespace {

constexpr int kMostBorder = 32768;

struct Options {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
  int64_t width = 0, height = 0, multiple = 0;  // of the result; 0: not asked for
  bool center = false;
  Colour fill{};
};

// Along one axis.
struct Border {
  int64_t before, after;
};

class Pad final : public Op {
 public:
  explicit Pad(const Options& options) : o_(options) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    LEAT_ASSIGN(Border across, border("width", source.width, o_.width, {o_.left, o_.right}));
    LEAT_ASSIGN(Border down, border("height", source.height, o_.height, {o_.top, o_.bottom}));
    const int64_t width = across.before + source.width + across.after;
    const int64_t height = down.before + source.height + down.after;
    LEAT_TRY(check_result_size(source, static_cast<double>(width), static_cast<double>(height)));
    LEAT_ASSIGN(Tensor * out, call.output(0, DType::kUint8, {height, width, 3}));
    const Canvas canvas{out->mutable_data(),
                        static_cast<int>(width),
                        static_cast<int>(height),
                        {static_cast<int>(across.before), static_cast<int>(down.before),
                         source.width, source.height}};
    const float fill[3] = {static_cast<float>(o_.fill[0]), static_cast<float>(o_.fill[1]),
                           static_cast<float>(o_.fill[2])};
    fill_around(canvas, PixelFormat{}, fill);
    for (int64_t y = 0; y < source.height; ++y) {
      std::memcpy(canvas.data + ((down.before + y) * width + across.before) * 3,
                  source.data + y * source.width * 3, static_cast<size_t>(source.width) * 3);
    }
    const Reduction by = reduction({source.width, source.height}, image.full_size());
    const auto full = [](int64_t border, double step, int length) {
      return static_cast<int>(std::lround(static_cast<double>(border) * step)) + length;
    };
    out->set_full_size({full(across.before + across.after, by.across, image.full_size().width),
                        full(down.before + down.after, by.down, image.full_size().height)});
    return {};
  }

 private:
  // `length`: of the picture; `whole`: what the result must have, if anything.
  Result<Border> border(const char* name, int64_t length, int64_t whole, Border given) const {
    if (o_.multiple > 0) whole = (length + o_.multiple - 1) / o_.multiple * o_.multiple;
    if (whole == 0) return given;
    if (length > whole) {
      return Status(Code::kBadInput, cat("the picture's ", name, " is ", length, " pixels, and ",
                                         whole, " is asked for; resize or crop it first"));
    }
    const int64_t before = o_.center ? (whole - length) / 2 : 0;
    return Border{before, whole - length - before};
  }

  Options o_;
};

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  const Params& params = setup.params;
  const auto integer = [&](const char* name) {
    return params.has(name) ? params.integer(name) : 0;
  };
  Options o{.left = integer("left"),
            .top = integer("top"),
            .right = integer("right"),
            .bottom = integer("bottom"),
            .width = integer("width"),
            .height = integer("height"),
            .multiple = integer("multiple"),
            .center = params.text("align") == "center"};
  LEAT_ASSIGN(o.fill, color_of(params, "fill"));
  const bool sides = o.left || o.top || o.right || o.bottom;
  const bool size = o.width || o.height;
  if (sides + size + (o.multiple > 0) != 1) {
    return Status(Code::kBadInput,
                  cat(sides || size || o.multiple ? "more than one is set" : "none is set",
                      " of: a border (left, top, right, bottom), a size (width, height), multiple; "
                      "set one"));
  }
  if (o.center && sides) {
    return Status(Code::kBadInput, "align: center goes with a size or multiple, not with a border");
  }
  if (o.height) setup.outputs[0].dims[0] = {o.height, ""};
  if (o.width) setup.outputs[0].dims[1] = {o.width, ""};
  return std::make_unique<Pad>(o);
}

ParamSpec border_param(const char* name, const char* doc) {
  return {.name = name,
          .type = ParamType::kInt,
          .fallback = int64_t{0},
          .min = 0,
          .max = kMostBorder,
          .doc = doc};
}

ParamSpec size_param(const char* name, const char* doc) {
  return {.name = name, .type = ParamType::kInt, .min = 1, .max = kMostBorder, .doc = doc};
}

}  // namespace

LEAT_OP((
    {.name = "image.pad",
     .doc = "Puts a border around a picture: of given widths, or to a size, or to the next "
            "multiple. Lengths are in pixels of the picture as it comes in, which image.resize may "
            "have made smaller. The result is a picture of its own: boxes found in it count from "
            "its border.",
     .inputs = {{"image", "IMAGE", "the picture"}},
     .outputs = {{"image", "IMAGE", "the picture with its border"}},
     .params = {border_param("left", "Pixels to the left"),
                border_param("top", "Pixels above"),
                border_param("right", "Pixels to the right"),
                border_param("bottom", "Pixels below"),
                size_param("width", "Of the result, in pixels; a wider picture is an error"),
                size_param("height", "Of the result, in pixels; a higher picture is an error"),
                size_param("multiple", "Of which width and height of the result are multiples"),
                {.name = "align",
                 .type = ParamType::kChoice,
                 .fallback = "top_left",
                 .choices = {"top_left", "center"},
                 .doc = "With a size or multiple: where the picture lies"},
                color_param("fill", {0}, "The border")},
     .make = make}));

}  // namespace leat

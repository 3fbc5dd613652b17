// image.to_tensor: a picture as a model wants it, in one pass.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "ops/image/picture.h"
#include "ops/image/placement.h"

namespace leat {

namespace {

constexpr int kMostSide = 16384;

struct Options {
  int width = 0;  // below 1, with `aspect`: as the picture's shape demands, as is height
  int height = 0;
  bool aspect = false;
  int min_side = 0, max_side = 0;
  int multiple = 1;
  PixelFormat format;
  Fit fit = Fit::kStretch;
  double crop = 1;
  Align align = Align::kTopLeft;
  float fill[3] = {};  // as elements of the tensor
  Filter filter = Filter::kBilinear;

  Shape shape(ImageSize size) const {
    const int channels = format.channels();
    return format.planar ? Shape{channels, size.height, size.width}
                         : Shape{size.height, size.width, channels};
  }

  Type type() const {
    const auto open = [](int side) { return side > 0 ? side : -1; };
    return Type::exactly(format.dtype, shape({open(width), open(height)}));
  }

  // Of the tensor of a picture of this size.
  ImageSize size_for(ImageSize full) const {
    if (!aspect) return {width, height};
    const auto [shortest, longest] = std::minmax(full.width, full.height);
    const double scale =
        height > 0  ? height * 1.0 / full.height
        : width > 0 ? width * 1.0 / full.width
                    : std::min(std::max(1.0, min_side * 1.0 / shortest), max_side * 1.0 / longest);
    const auto side = [&](int fixed, int whole) {
      if (fixed > 0) return fixed;
      const auto steps =
          static_cast<int>(std::lround(std::min<double>(whole * scale, max_side) / multiple));
      return std::clamp(steps, 1, max_side / multiple) * multiple;
    };
    return {side(width, full.width), side(height, full.height)};
  }
};

class ToTensor final : public Op {
 public:
  explicit ToTensor(const Options& options) : o_(options) {}

  Status run(OpCall& call) const override {
    const Tensor& image = call.input(0);
    LEAT_ASSIGN(Pixels source, pixels_of(image));
    const ImageSize full = image.full_size();
    const auto [width, height] = o_.size_for(full);
    LEAT_ASSIGN(Tensor * tensor, call.output(0, o_.format.dtype, o_.shape({width, height})));
    LEAT_ASSIGN(Tensor * transform, call.output(1, DType::kFp32, {6}));
    const Placement to = place(full, width, height, o_.fit, o_.crop, o_.align);
    const Canvas canvas{tensor->mutable_data(), width, height, {to.x, to.y, to.width, to.height}};
    resample(source, {to.scaled_width, to.scaled_height, to.cut_x, to.cut_y, o_.filter}, o_.format,
             canvas);
    if (o_.fit == Fit::kLetterbox) fill_around(canvas, o_.format, o_.fill);
    const auto numbers = transform_of(to, full);
    std::memcpy(transform->mutable_data(), numbers.data(), sizeof numbers);
    return {};
  }

  std::optional<ImageNeed> need(size_t) const override {
    if (o_.filter == Filter::kNearest) return std::nullopt;  // means the picture's own pixels
    if (o_.aspect && o_.width < 1 && o_.height < 1) {
      return ImageNeed{o_.max_side, o_.max_side, Fit::kLetterbox};
    }
    // All of the side that is known, and whatever of the other.
    if (o_.aspect) return ImageNeed{std::max(1, o_.width), std::max(1, o_.height), Fit::kStretch};
    return need_of(o_.width, o_.height, o_.fit, o_.crop);
  }

  std::string remark() const override {
    return cat("makes ", o_.type().text(),
               o_.format.grey     ? " GREY"
               : o_.format.planar ? " NCHW"
                                  : " NHWC");
  }

 private:
  Options o_;
};

Status bad(std::string message) { return Status(Code::kBadInput, std::move(message)); }

// What `model` leaves to be said, the parameters say, and the other way round.
Status settle_type(const Params& params, const Type& model, Options& o) {
  constexpr DType kTypes[] = {DType::kFp32, DType::kFp16, DType::kUint8};  // by preference
  if (params.has("dtype")) {
    LEAT_ASSIGN(o.format.dtype, parse_dtype(params.text("dtype")));
    if (std::find(std::begin(kTypes), std::end(kTypes), o.format.dtype) == std::end(kTypes)) {
      return bad(cat("dtype: ", params.text("dtype"),
                     " cannot be made from a picture; allowed: FP32, FP16 or UINT8"));
    }
    return {};
  }
  for (DType type : kTypes) {
    if (model.allows(type)) {
      o.format.dtype = type;
      return {};
    }
  }
  return bad(cat("what the tensor feeds takes ", model.text(),
                 "; a picture can become FP32, FP16 or UINT8"));
}

Status settle_shape(const Params& params, const Type& model, Options& o) {
  const bool says = !model.open;  // the model says its rank
  if (says && model.dims.size() != 3) {
    return bad(cat("what the tensor feeds takes ", model.text(), ", which has ", model.dims.size(),
                   " dimensions; a picture has 3: [channels,height,width] or "
                   "[height,width,channels]"));
  }
  const auto size = [&](size_t axis) { return says ? model.dims[axis].size : int64_t{-1}; };
  const int64_t channels = o.format.channels();
  if (params.has("layout")) {
    o.format.planar = params.text("layout") == "NCHW";
  } else {
    o.format.planar = size(0) == channels || size(2) != channels;
  }
  const int64_t wanted = size(o.format.planar ? 0 : 2);
  if (wanted >= 0 && wanted != channels) {
    const bool other = wanted == (o.format.grey ? 3 : 1);
    return bad(cat("what the tensor feeds takes ", model.text(), ": ", wanted,
                   " channels where this makes ", channels,
                   other ? (o.format.grey ? "; set channels: RGB or BGR" : "; set channels: GREY")
                         : "; RGB and BGR have 3, GREY has 1"));
  }
  const int64_t height = size(o.format.planar ? 1 : 0), width = size(o.format.planar ? 2 : 1);
  o.height = static_cast<int>(params.has("height") ? params.integer("height") : height);
  o.width = static_cast<int>(params.has("width") ? params.integer("width") : width);
  if (o.aspect) {
    if (o.width < 1 || o.height < 1) return {};
    return bad(cat("fit: aspect leaves a side to the picture, but width is ", o.width,
                   " and height is ", o.height,
                   says ? cat(" (what it feeds takes ", model.text(), ")") : ""));
  }
  if (o.width < 1 || o.height < 1) {
    const char* missing = o.width >= 1    ? "height is not known; set height"
                          : o.height >= 1 ? "width is not known; set width"
                                          : "width and height are not known; set both";
    return bad(cat("the tensor's ", missing, " (",
                   says ? cat("what it feeds takes ", model.text())
                        : std::string("nothing that it feeds says them"),
                   ")"));
  }
  return {};
}

// `name`: one number, for all channels, or one for each channel of the tensor.
Status settle_numbers(const Params& params, const char* name, int channels, float out[3]) {
  const std::vector<double>& numbers = params.reals(name);
  const size_t n = numbers.size();
  if (n != 1 && n != static_cast<size_t>(channels)) {
    return bad(cat(name, " has ", n, " numbers; allowed: 1",
                   channels == 3 ? ", or 3 in the order of the tensor's channels" : ""));
  }
  for (size_t c = 0; c < 3; ++c) out[c] = static_cast<float>(numbers[n == 1 ? 0 : c]);
  return {};
}

Status settle_values(const Params& params, Options& o) {
  const int channels = o.format.channels();
  float mean[3], std[3], fill[3];
  LEAT_TRY(settle_numbers(params, "mean", channels, mean));
  LEAT_TRY(settle_numbers(params, "std", channels, std));
  LEAT_TRY(settle_numbers(params, "fill", channels, fill));
  for (int c = 0; c < 3; ++c) {
    o.format.multiply[c] = 1 / std[c];
    o.format.add[c] = -mean[c] / std[c];
    o.fill[c] = (fill[c] - mean[c]) / std[c];
  }
  return {};
}

// Parameters that would have no effect are mistakes.
Status settle_fit(const Params& params, Options& o) {
  const std::string& fit = params.text("fit");
  const char* alone = params.has("min_side")            ? "min_side"
                      : params.has("max_side")          ? "max_side"
                      : params.integer("multiple") != 1 ? "multiple"
                                                        : nullptr;
  if (!o.aspect && alone) {
    return bad(cat(alone, " goes with fit: aspect only; fit is ", fit));
  }
  if (params.has("min_side") && (o.width > 0 || o.height > 0)) {
    return bad("min_side is for tensors of which neither width nor height is set");
  }
  o.min_side = params.has("min_side") ? static_cast<int>(params.integer("min_side")) : 0;
  o.max_side = params.has("max_side") ? static_cast<int>(params.integer("max_side")) : kMostSide;
  o.multiple = static_cast<int>(params.integer("multiple"));
  if (o.max_side < o.multiple) {
    return bad(cat("max_side: ", o.max_side, " is less than the multiple of ", o.multiple));
  }
  o.fit = fit == "letterbox" ? Fit::kLetterbox : fit == "cover" ? Fit::kCover : Fit::kStretch;
  o.crop = params.real("crop_pct");
  o.align = params.text("align") == "center" ? Align::kCenter : Align::kTopLeft;
  const bool filled = params.reals("fill") != std::vector<double>{0};
  if (o.crop != 1 && o.fit != Fit::kCover) {
    return bad(cat("crop_pct: ", o.crop, " goes with fit: cover only; fit is ", fit));
  }
  if ((o.align != Align::kTopLeft || filled) && o.fit != Fit::kLetterbox) {
    return bad(
        cat(filled ? "fill" : "align: center", " goes with fit: letterbox only; fit is ", fit));
  }
  return {};
}

Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  Options o;
  const Params& params = setup.params;
  o.format.grey = params.text("channels") == "GREY";
  o.format.bgr = params.text("channels") == "BGR";
  o.filter = filter_of(params);
  o.aspect = params.text("fit") == "aspect";
  LEAT_TRY(settle_type(params, setup.wanted[0], o));
  LEAT_TRY(settle_shape(params, setup.wanted[0], o));
  LEAT_TRY(settle_fit(params, o));
  LEAT_TRY(settle_values(params, o));
  setup.outputs[0] = o.type();
  return std::make_unique<ToTensor>(o);
}

}  // namespace

LEAT_OP(
    ({.name = "image.to_tensor",
      .doc = "Makes of a picture what a model takes: scaled, normalised, converted and laid out "
             "in one pass. Every element is (pixel - mean) / std, with pixels from 0 to 255. "
             "Size, element type and layout are those of the model it feeds unless they are set.",
      .inputs = {{"image", "IMAGE", "the picture"}},
      .outputs = {{"tensor", "FP32|FP16|UINT8[?,?,?]",
                   "[channels,height,width] (NCHW) or [height,width,channels] (NHWC)"},
                  {"transform", "FP32[6]",
                   "scale_x, scale_y, offset_x, offset_y, width, height: x in the tensor * "
                   "scale_x + offset_x is x in the upright original, which is width x height "
                   "pixels; the same for y"}},
      .params =
          {{.name = "width",
            .type = ParamType::kInt,
            .min = 1,
            .max = kMostSide,
            .doc = "Of the tensor, in pixels; unless set, the model's"},
           {.name = "height",
            .type = ParamType::kInt,
            .min = 1,
            .max = kMostSide,
            .doc = "Of the tensor, in pixels; unless set, the model's"},
           {.name = "dtype",
            .type = ParamType::kDType,
            .doc = "FP32, FP16 or UINT8 (rounded, and cut to 0..255); unless set, the model's"},
           {.name = "layout",
            .type = ParamType::kChoice,
            .choices = {"NCHW", "NHWC"},
            .doc = "Channels first (NCHW) or last (NHWC); an item has no N. Unless set, as the "
                   "model has its channels; NCHW where it does not say"},
           {.name = "channels",
            .type = ParamType::kChoice,
            .fallback = "RGB",
            .choices = {"RGB", "BGR", "GREY"},
            .doc = "The tensor's channels; GREY is one, the luma of ITU-R 601"},
           {.name = "fit",
            .type = ParamType::kChoice,
            .fallback = "stretch",
            .choices = {"stretch", "letterbox", "cover", "aspect"},
            .doc = "stretch scales both axes apart; letterbox shows the whole picture and fills "
                   "the rest; cover shows its middle and cuts the rest; aspect makes the tensor "
                   "as large as the picture's shape demands, for models that leave width or "
                   "height open: from the side that is set, or with neither at the picture's own "
                   "size or smaller"},
           {.name = "min_side",
            .type = ParamType::kInt,
            .min = 1,
            .max = kMostSide,
            .doc = "With aspect, where neither side is set: the least that the shorter side "
                   "becomes, in pixels, as far as max_side allows. Pictures are enlarged for it"},
           {.name = "max_side",
            .type = ParamType::kInt,
            .min = 1,
            .max = kMostSide,
            .doc = "With aspect: the most that the sides that are not set may have, in pixels. "
                   "Pictures are made smaller for it; where the other side is set, narrower"},
           {.name = "multiple",
            .type = ParamType::kInt,
            .fallback = int64_t{1},
            .min = 1,
            .max = 1024,
            .doc = "With aspect: sides that are not set are multiples of this, the nearest"},
           {.name = "crop_pct",
            .type = ParamType::kFloat,
            .fallback = 1.0,
            .min = 0.01,
            .max = 1,
            .doc = "With cover: the part of the scaled picture's shorter side that is shown. "
                   "0.875 for 224 scales the shorter side to 256"},
           {.name = "align",
            .type = ParamType::kChoice,
            .fallback = "top_left",
            .choices = {"top_left", "center"},
            .doc = "With letterbox: where the picture lies"},
           {.name = "fill",
            .type = ParamType::kFloats,
            .fallback = std::vector<double>{0},
            .min = 0,
            .max = 255,
            .doc = "With letterbox: the pixel around the picture, one number or one a channel in "
                   "the order of the tensor's, normalised like the others"},
           {.name = "mean",
            .type = ParamType::kFloats,
            .fallback = std::vector<double>{0},
            .doc = "Subtracted; on the scale 0..255, one number or one a channel in the order of "
                   "the tensor's"},
           {.name = "std",
            .type = ParamType::kFloats,
            .fallback = std::vector<double>{1},
            .min = 1e-6,
            .max = 1e6,
            .doc = "Divided by, after mean; 255 brings 0..255 to 0..1"},
           filter_param()},
      .make = make}));

}  // namespace leat

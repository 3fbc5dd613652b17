// detect.segmentation: which class each pixel of a picture is of.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/detect/best_class.h"
#include "ops/detect/transform.h"

namespace leat {

namespace {

constexpr int64_t kMostClasses = 256;  // what a pixel of the mask can tell apart
constexpr float kMostSide = 1 << 20;
constexpr float kMostPixels = 1 << 28;

class Segmentation final : public Op {
 public:
  explicit Segmentation(const Params& params)
      : planar_(params.text("layout") == "NCHW"),
        stride_(params.real("stride")),
        class_(params.has("class") ? params.integer("class") : -1) {}

  Status expect(const Type& type) const {
    const int64_t classes = type.open ? -1 : type.dims[planar_ ? 0 : 2].size;
    return classes < 0 ? Status() : check_classes(classes);
  }

  Status run(OpCall& call) const override {
    const Shape& shape = call.input(0).shape();
    const int64_t classes = shape[planar_ ? 0 : 2];
    const int64_t height = shape[planar_ ? 1 : 0], width = shape[planar_ ? 2 : 1];
    LEAT_TRY(check_classes(classes));
    LEAT_ASSIGN(Transform transform,
                Transform::of(call, 1, static_cast<float>(width), static_cast<float>(height)));
    if (transform.width > kMostSide || transform.height > kMostSide ||
        transform.width * transform.height > kMostPixels) {
      return Status(Code::kTooLarge,
                    cat("transform: the picture is ", transform.width, " x ", transform.height,
                        " (width x height); at most ", kMostPixels, " pixels are allowed"));
    }
    const std::vector<int32_t>& cells =
        classify(call.input(0).values<float>(), static_cast<size_t>(classes));
    thread_local std::vector<int64_t> columns, rows;
    look_up(transform.width, transform.scale_x, transform.offset_x, width, columns);
    look_up(transform.height, transform.scale_y, transform.offset_y, height, rows);

    std::array<int64_t, kMostClasses> pixels{};
    LEAT_ASSIGN(Tensor * mask, call.output(0, DType::kUint8,
                                           {static_cast<int64_t>(rows.size()),
                                            static_cast<int64_t>(columns.size())}));
    uint8_t* to = mask->mutable_values<uint8_t>().data();
    for (int64_t row : rows) {
      for (int64_t column : columns) {
        const bool seen = row >= 0 && column >= 0;
        const int32_t label = seen ? cells[static_cast<size_t>(row * width + column)] : 0;
        pixels[static_cast<size_t>(label)] += seen;
        *to++ = class_ < 0 ? static_cast<uint8_t>(label) : seen && label == class_ ? 255 : 0;
      }
    }
    LEAT_ASSIGN(Tensor * shares, call.output(1, DType::kFp32, {classes}));
    const double all = std::max(1.0, static_cast<double>(rows.size() * columns.size()));
    for (size_t c = 0; c < static_cast<size_t>(classes); ++c) {
      shares->mutable_values<float>()[c] = static_cast<float>(static_cast<double>(pixels[c]) / all);
    }
    return {};
  }

 private:
  Status check_classes(int64_t classes) const {
    if (classes >= 2 && classes <= kMostClasses && class_ < classes) return {};
    return Status(
        Code::kBadInput,
        cat("scores: ", classes, " classes", planar_ ? " (layout NCHW)" : " (layout NHWC)",
            "; 2 to ", kMostClasses, " are allowed",
            class_ < classes ? "" : cat(", and class ", class_, " among them")));
  }

  const std::vector<int32_t>& classify(std::span<const float> scores, size_t classes) const {
    thread_local BestClasses best;
    const size_t places = scores.size() / classes;
    if (planar_) {
      best.find(scores.data(), classes, places);
      return best.classes;
    }
    best.classes.resize(places);
    for (size_t i = 0; i < places; ++i) {
      const auto row = scores.subspan(i * classes, classes);
      best.classes[i] = static_cast<int32_t>(std::ranges::max_element(row) - row.begin());
    }
    return best.classes;
  }

  // For each pixel of a side of the original, in which of `cells` its middle lies; -1: in none.
  void look_up(float length, float scale, float offset, int64_t cells,
               std::vector<int64_t>& cell_of) const {
    cell_of.resize(static_cast<size_t>(std::lround(length)));
    for (size_t i = 0; i < cell_of.size(); ++i) {
      const double at = (static_cast<double>(i) + 0.5 - double{offset}) / double{scale} / stride_;
      cell_of[i] = at >= 0 && at < static_cast<double>(cells) ? static_cast<int64_t>(at) : -1;
    }
  }

  bool planar_;
  double stride_;
  int64_t class_;  // -1: all
};

LEAT_OP((
    {.name = "detect.segmentation",
     .doc = "Turns class scores into a mask as large as the original picture: each of its pixels "
            "is of the class with the best score where its middle lies, of equal ones the first. "
            "What the model has not seen of the picture (fit: cover) is 0.",
     .inputs = {{"scores", "FP32[?,?,?]", "[classes,height,width] or [height,width,classes]"},
                Transform::port()},
     .outputs = {{"mask", "UINT8[height,width]",
                  "the class of each pixel; with the parameter class 255 where it is that, else 0"},
                 {"shares", "FP32[classes]", "of all pixels, 0..1, by class"}},
     .params = {{.name = "layout",
                 .type = ParamType::kChoice,
                 .fallback = "NCHW",
                 .choices = {"NCHW", "NHWC"},
                 .doc = "classes first (NCHW) or last (NHWC); an item has no N"},
                {.name = "class",
                 .type = ParamType::kInt,
                 .min = 0,
                 .max = kMostClasses - 1,
                 .doc = "the mask is of this class alone"},
                {.name = "stride",
                 .type = ParamType::kFloat,
                 .fallback = 1.0,
                 .min = 0.01,
                 .max = 1024,
                 .doc = "pixels of the model's input for each of the scores; 8 where these are "
                        "an eighth as wide and high"}},
     .make = [](OpSetup& setup) -> Result<std::unique_ptr<Op>> {
       auto op = std::make_unique<Segmentation>(setup.params);
       if (setup.inputs[0]) LEAT_TRY(op->expect(*setup.inputs[0]));
       return op;
     }}));

}  // namespace

}  // namespace leat

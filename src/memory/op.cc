#include "leat/op.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "base/text.h"

namespace leat {

namespace {

// The part [begin, end) of a side of `length` pixels, as far as it lies on the side.
std::pair<double, double> on_side(double begin, double end, int length) {
  begin = std::clamp(std::floor(begin), 0.0, length - 1.0);
  return {begin, std::clamp(std::ceil(end), begin + 1, static_cast<double>(length))};
}

ImageBox on_picture(const ImageBox& box, int width, int height) {
  const auto [left, right] = on_side(box.left, box.right, width);
  const auto [top, bottom] = on_side(box.top, box.bottom, height);
  return {left, top, right, bottom};
}

}  // namespace

double ImageNeed::scale_for(int picture_width, int picture_height) const {
  double wide = picture_width, high = picture_height;
  if (box) {
    const ImageBox on = on_picture(*box, picture_width, picture_height);
    wide = on.right - on.left;
    high = on.bottom - on.top;
  }
  const double across = width / wide, down = height / high;
  double scale = fit == Fit::kLetterbox ? std::min(across, down) : std::max(across, down);
  return std::min(scale, 1.0);
}

ImageBox ImageNeed::part_of(int picture_width, int picture_height) const {
  if (box) return on_picture(*box, picture_width, picture_height);
  const double wide = picture_width, high = picture_height;
  if (fit != Fit::kCover) return {0, 0, wide, high};
  // Pixels of the original for one of the target. Filters reach three pixels to each side, of the
  // target or, where that is finer, of the original; sizes and places are rounded by up to two.
  constexpr double kBeside = 5;
  const double step = std::min(wide / width, high / height);
  const double beside = kBeside * std::max(step, 1.0);
  const double across = width * crop * step / 2 + beside, down = height * crop * step / 2 + beside;
  return on_picture({wide / 2 - across, high / 2 - down, wide / 2 + across, high / 2 + down},
                    picture_width, picture_height);
}

const ParamValue& Params::at(const std::string& name) const {
  auto found = values_.find(name);
  if (found == values_.end()) throw std::out_of_range(cat("there is no parameter ", name));
  return found->second;
}

bool Params::has(const std::string& name) const {
  auto found = values_.find(name);
  return found != values_.end() && found->second.index() != 0;
}

int64_t Params::integer(const std::string& name) const { return std::get<int64_t>(at(name)); }

double Params::real(const std::string& name) const {
  const ParamValue& value = at(name);
  if (const int64_t* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

bool Params::flag(const std::string& name) const { return std::get<bool>(at(name)); }

const std::string& Params::text(const std::string& name) const {
  return std::get<std::string>(at(name));
}

const std::vector<double>& Params::reals(const std::string& name) const {
  return std::get<std::vector<double>>(at(name));
}

const std::vector<std::string>& Params::texts(const std::string& name) const {
  return std::get<std::vector<std::string>>(at(name));
}

}  // namespace leat

#include "codec/image/jpeg_damage.h"

#include <algorithm>
#include <cmath>

namespace leat::image {

JpegDamage::JpegDamage(const jpeg_decompress_struct& jpeg)
    : height_(jpeg.image_height),
      row_height_(static_cast<unsigned>(jpeg.max_v_samp_factor) * DCTSIZE),
      blended_(jpeg.max_v_samp_factor > 1),
      lost_(jpeg.total_iMCU_rows),
      known_(static_cast<size_t>(jpeg.num_components)) {
  for (int i = 0; i < jpeg.num_components; ++i) {
    const jpeg_component_info& component = jpeg.comp_info[i];
    weights_.push_back(double{1} * component.width_in_blocks * component.height_in_blocks);
  }
}

void JpegDamage::lose(unsigned row) { lost_[std::min<size_t>(row, lost_.size() - 1)] = 1; }

double JpegDamage::part_of_rows(const jpeg_decompress_struct& jpeg, unsigned rows) const {
  const auto across =
      uint64_t{jpeg.MCUs_per_row} *
      (jpeg.comps_in_scan == 1 ? static_cast<unsigned>(jpeg.cur_comp_info[0]->v_samp_factor) : 1u);
  const uint64_t interval = jpeg.restart_interval;
  bool lost = false;        // the row before
  uint64_t wrong_from = 0;  // the first MCU after the last row with a warning
  unsigned good = 0;
  for (unsigned row = 0; row < lost_.size(); ++row) {
    const bool before = lost;
    if (row >= rows || lost_[row]) {
      lost = true;
      wrong_from = (row + 1) * across;
    } else if (lost) {
      lost = interval == 0 || row * across / interval * interval < wrong_from;
    }
    const unsigned begin = row * row_height_;
    if (!lost) good += std::min(row_height_, height_ - begin);
    if (blended_ && lost != before && row > 0) --good;  // a line of pixels on the good side
  }
  return double{1} * good / height_;
}

void JpegDamage::end_scan(const jpeg_decompress_struct& jpeg, unsigned rows) {
  const double part = part_of_rows(jpeg, rows);
  const double precision = std::ldexp(1.0, -jpeg.Al);
  const int last = jpeg.progressive_mode ? std::clamp(jpeg.Se, 0, DCTSIZE2 - 1) : DCTSIZE2 - 1;
  for (int i = 0; i < jpeg.comps_in_scan; ++i) {
    auto& known = known_[static_cast<size_t>(jpeg.cur_comp_info[i]->component_index)];
    for (int k = jpeg.progressive_mode ? std::max(jpeg.Ss, 0) : 0; k <= last; ++k) {
      double& now = known[static_cast<size_t>(k)];
      now += (std::max(precision, now) - now) * part;
    }
  }
  std::ranges::fill(lost_, 0);
}

double JpegDamage::intact() const {
  double sum = 0, whole = 0;
  for (size_t i = 0; i < known_.size(); ++i) {
    for (double known : known_[i]) sum += weights_[i] * known;
    whole += weights_[i] * DCTSIZE2;
  }
  return sum / whole;
}

}  // namespace leat::image

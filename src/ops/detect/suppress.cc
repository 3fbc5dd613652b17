// A candidate is held against all kept boxes at once, a vector of them at a time, and the scores
// are sorted as integers that hold the place as well, so that the order is total.
#include "ops/detect/suppress.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

// The order matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/detect/suppress.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace leat {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The kept boxes as arrays of x1, y1, x2, y2, area and class, each `stride` floats long.
bool overlaps_any(const float* kept, size_t count, size_t stride, const Box& box, float label,
                  float iou) {
  const hn::ScalableTag<float> d;
  const auto x1 = hn::Set(d, box.x1);
  const auto y1 = hn::Set(d, box.y1);
  const auto x2 = hn::Set(d, box.x2);
  const auto y2 = hn::Set(d, box.y2);
  const auto area = hn::Set(d, (box.x2 - box.x1) * (box.y2 - box.y1));
  const auto own = hn::Set(d, label);
  const auto most = hn::Set(d, iou);
  const auto zero = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const float* k = kept + i;
    auto across = hn::Sub(hn::Min(x2, hn::LoadU(d, k + 2 * stride)), hn::Max(x1, hn::LoadU(d, k)));
    auto down =
        hn::Sub(hn::Min(y2, hn::LoadU(d, k + 3 * stride)), hn::Max(y1, hn::LoadU(d, k + stride)));
    auto common = hn::Mul(hn::Max(across, zero), hn::Max(down, zero));
    auto both = hn::Sub(hn::Add(area, hn::LoadU(d, k + 4 * stride)), common);
    auto hit =
        hn::And(hn::Gt(common, hn::Mul(most, both)), hn::Eq(own, hn::LoadU(d, k + 5 * stride)));
    if (!hn::AllFalse(d, hit)) return true;
  }
  return false;
}

}  // namespace HWY_NAMESPACE
}  // namespace leat
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leat {
HWY_EXPORT(overlaps_any);

namespace {

constexpr size_t kMostLanes = 16;  // floats in the widest vector that is compiled for

// Rises as the score falls: flips the sign bit of what is not negative, all bits of what is, and
// then inverts.
uint32_t falling(float score) {
  uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes 0
  return ~(bits & 0x80000000 ? ~bits : bits | 0x80000000);
}

}  // namespace

bool Box::sound() const {
  return std::isfinite(x1) && std::isfinite(y1) && std::isfinite(x2) && std::isfinite(y2) &&
         x1 <= x2 && y1 <= y2;
}

float Box::iou(const Box& other) const {
  const float across = std::min(x2, other.x2) - std::max(x1, other.x1);
  const float down = std::min(y2, other.y2) - std::max(y1, other.y1);
  if (!(across > 0 && down > 0)) return 0;
  const float common = across * down;
  const float both = (x2 - x1) * (y2 - y1) + (other.x2 - other.x1) * (other.y2 - other.y1) - common;
  return both > 0 && std::isfinite(both) ? common / both : 0;
}

Suppressor& Suppressor::scratch() {
  thread_local Suppressor suppressor;
  suppressor.clear();
  return suppressor;
}

void Suppressor::clear() {
  boxes_.clear();
  scores_.clear();
  labels_.clear();
  order_.clear();
}

void Suppressor::add(const Box& box, float score, int64_t label) {
  order_.push_back(uint64_t{falling(score)} << 32 | boxes_.size());
  boxes_.push_back(box);
  scores_.push_back(score);
  labels_.push_back(label);
}

// The keys of the best, in order.
std::span<const uint64_t> Suppressor::best(size_t candidates) {
  size_t count = std::min(order_.size(), candidates);
  auto end = order_.begin() + static_cast<ptrdiff_t>(count);
  if (end != order_.end()) std::nth_element(order_.begin(), end, order_.end());
  std::sort(order_.begin(), end);
  return std::span(order_).first(count);
}

std::span<const uint32_t> Suppressor::run(const Limits& limits) {
  kept_.clear();
  std::span<const uint64_t> order = best(limits.candidates);
  size_t count = order.size();
  size_t stride = (std::min(count, limits.max) + kMostLanes - 1) / kMostLanes * kMostLanes;
  // Unused lanes hold a box without area, of no class.
  lanes_.assign(6 * stride, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < count && kept_.size() < limits.max; ++i) {
    auto place = static_cast<uint32_t>(order[i]);
    const Box& b = boxes_[place];
    auto label = limits.class_agnostic ? 0.0f : static_cast<float>(labels_[place]);
    if (HWY_DYNAMIC_DISPATCH(overlaps_any)(lanes_.data(), kept_.size(), stride, b, label,
                                           limits.iou)) {
      continue;
    }
    float* lane = lanes_.data() + kept_.size();
    const float values[] = {b.x1, b.y1, b.x2, b.y2, (b.x2 - b.x1) * (b.y2 - b.y1), label};
    for (float value : values) {
      *lane = value;
      lane += stride;
    }
    kept_.push_back(place);
  }
  return kept_;
}

std::span<const uint32_t> Suppressor::run_soft(const Limits& limits, const Soft& soft) {
  kept_.clear();
  thread_local std::vector<uint32_t> open;
  open.clear();
  for (uint64_t key : best(limits.candidates)) open.push_back(static_cast<uint32_t>(key));
  while (!open.empty() && kept_.size() < limits.max) {
    // The first of equal ones; `open` stays in its first order.
    auto first = std::ranges::max_element(open, {}, [&](uint32_t i) { return scores_[i]; });
    const uint32_t place = *first;
    if (!(scores_[place] >= soft.least)) break;
    kept_.push_back(place);
    open.erase(first);
    for (uint32_t other : open) {
      if (!limits.class_agnostic && labels_[other] != labels_[place]) continue;
      const float iou = boxes_[place].iou(boxes_[other]);
      if (soft.decay == Soft::Decay::kGaussian) {
        scores_[other] *= std::exp(-iou * iou / soft.sigma);
      } else if (iou > limits.iou) {
        scores_[other] *= 1 - iou;
      }
    }
  }
  return kept_;
}

}  // namespace leat
#endif  // HWY_ONCE

// Runs of a row are joined with those of the row above by union-find; the lowest run of a component
// is its root, so that components come in the order of their first pixels.
#include "ops/detect/components.h"

#include <algorithm>

namespace leat {

Components& Components::scratch() {
  thread_local Components components;
  return components;
}

uint32_t Components::root(uint32_t run) {
  while (runs_[run].parent != run) {
    uint32_t& parent = runs_[run].parent;
    run = parent = runs_[parent].parent;
  }
  return run;
}

// The runs [above, row) of one row with those of the next, [row, end).
void Components::join_rows(size_t above, size_t row, size_t end) {
  for (size_t i = above, j = row; i < row && j < end;) {
    if (runs_[i].begin <= runs_[j].end && runs_[j].begin <= runs_[i].end) {
      uint32_t a = root(static_cast<uint32_t>(i)), b = root(static_cast<uint32_t>(j));
      runs_[std::max(a, b)].parent = std::min(a, b);
    }
    ++(runs_[i].end < runs_[j].end ? i : j);
  }
}

void Components::collect_runs(const float* map, int32_t width, int32_t height, float threshold) {
  runs_.clear();
  size_t above = 0;
  for (int32_t y = 0; y < height; ++y, map += width) {
    size_t row = runs_.size();
    for (int32_t x = 0; x < width; ++x) {
      if (!(map[x] > threshold)) continue;
      int32_t begin = x;
      while (x < width && map[x] > threshold) ++x;
      runs_.push_back({y, begin, x, static_cast<uint32_t>(runs_.size())});
    }
    join_rows(above, row, runs_.size());
    above = row;
  }
}

void Components::find(const float* map, int32_t width, int32_t height, float threshold) {
  collect_runs(map, width, height, threshold);
  // A root comes before the rest of its component.
  component_.resize(runs_.size());
  starts_.assign(1, 0);
  for (uint32_t i = 0; i < runs_.size(); ++i) {
    uint32_t first = root(i);
    if (first == i) {
      component_[i] = static_cast<uint32_t>(starts_.size() - 1);
      starts_.push_back(0);
    } else {
      component_[i] = component_[first];
    }
    starts_[component_[i] + 1] += 2;
  }
  for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  ends_.resize(2 * runs_.size());
  for (size_t i = 0; i < runs_.size(); ++i) {
    size_t& at = starts_[component_[i]];
    ends_[at++] = {runs_[i].begin, runs_[i].y};
    ends_[at++] = {runs_[i].end - 1, runs_[i].y};
  }
  // Each start has moved to its end, which is the next one's start.
  starts_.insert(starts_.begin(), 0);
  starts_.pop_back();
}

}  // namespace leat

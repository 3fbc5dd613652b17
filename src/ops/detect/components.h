// The parts of a map that exceed a threshold and hang together, over corners too, each as what is
// needed for its convex hull.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace leat {

// A pixel of the map, by column and row.
struct Pixel {
  int32_t x, y;
};

class Components {
 public:
  static constexpr int64_t kMostSide = 1 << 15;

  // Numbers that are NaN exceed nothing. Sides are at most kMostSide.
  void find(const float* map, int32_t width, int32_t height, float threshold);

  // In the order of their topmost rows, and in those from left to right.
  size_t count() const { return starts_.size() - 1; }
  // The first and the last pixel of each unbroken run in a row, from the top down, in a row from
  // left to right. Valid until the next find().
  std::span<const Pixel> ends(size_t i) const {
    return std::span(ends_).subspan(starts_[i], starts_[i + 1] - starts_[i]);
  }

  // The calling thread's own.
  static Components& scratch();

 private:
  struct Run {
    int32_t y, begin, end;  // pixels [begin, end)
    uint32_t parent;        // towards the first run of the component
  };

  void collect_runs(const float* map, int32_t width, int32_t height, float threshold);
  void join_rows(size_t above, size_t row, size_t end);
  uint32_t root(uint32_t run);

  std::vector<Run> runs_;
  std::vector<uint32_t> component_;  // of each run
  std::vector<size_t> starts_ = {0};
  std::vector<Pixel> ends_;
};

}  // namespace leat

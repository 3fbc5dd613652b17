// S. Suzuki, K. Abe: Topological Structural Analysis of Digitized Binary Images by Border
// Following, 1985; the second of its algorithms, which follows outer borders alone.
//
// Row by row, a pixel that follows background and that no border has passed yet begins a border,
// unless the border met last, to its left, has its area to the right: then it lies in a hole of
// that. To tell that, a border's pixels are marked, negatively where the area ends to their right.
#include "ops/image/contours.h"

#include <algorithm>
#include <cstring>

namespace leat {

namespace {

constexpr int8_t kPassed = 2;    // pixels of borders; others are 0 and 1
constexpr int8_t kLeaving = -2;  // of borders, with background to the right

// Neighbours from the right one on, counter-clockwise.
constexpr int kRight[8] = {1, 1, 0, -1, -1, -1, 0, 1};
constexpr int kDown[8] = {0, -1, -1, -1, 0, 1, 1, 1};

class Follower {
 public:
  Follower(ptrdiff_t stride, Contours& out) : out_(out) {
    for (int s = 0; s < 8; ++s) step_[s] = kDown[s] * stride + kRight[s];
  }

  // From a pixel at (x, y) with background to its left.
  void follow(int8_t* start, int x, int y) {
    const size_t before = out_.points.size();
    int side = 4;
    do {  // clockwise, for the pixel that the border will come back from
      side = (side + 7) % 8;
    } while (start[step_[side]] == 0 && side != 4);
    if (start[step_[side]] == 0) {
      *start = kLeaving;
      out_.points.push_back({x, y});
    } else {
      walk(start, side, x, y);
    }
    out_.lengths.push_back(out_.points.size() - before);
  }

 private:
  // `from`: the side of `start` where the last pixel of the border lies.
  void walk(int8_t* start, int from, int x, int y) {
    const int8_t* const last = start + step_[from];
    int8_t* here = start;
    int heading = (from + 4) % 8;  // of the step to here
    for (;;) {
      int side = from;
      bool right = false;  // was looked at and is background
      do {
        side = (side + 1) % 8;
        right |= side == 0 && here[step_[0]] == 0;
      } while (here[step_[side]] == 0);
      if (right) {
        *here = kLeaving;
      } else if (*here == 1) {
        *here = kPassed;
      }
      if (side != heading) out_.points.push_back({x, y});
      int8_t* const next = here + step_[side];
      if (next == start && here == last) return;
      x += kRight[side];
      y += kDown[side];
      here = next;
      heading = side;
      from = (side + 4) % 8;
    }
  }

  Contours& out_;
  ptrdiff_t step_[8];
};

}  // namespace

Status outer_contours(const Mask& mask, Contours& out) {
  out.points.clear();
  out.lengths.clear();
  // With a border of background, so that every pixel has all neighbours.
  const int64_t stride = int64_t{mask.width()} + 2;
  LEAT_ASSIGN(Tensor room, Tensor::allocate(DType::kInt8, {int64_t{mask.height()} + 2, stride}));
  const auto marks = room.mutable_values<int8_t>();
  std::ranges::fill(marks, int8_t{0});
  int8_t* const first = marks.data() + stride + 1;
  for (int y = 0; y < mask.height(); ++y) {
    std::memcpy(first + y * stride, mask.row(y), static_cast<size_t>(mask.width()));
  }
  Follower follower(stride, out);
  for (int y = 0; y < mask.height(); ++y) {
    int8_t* row = first + y * stride;
    const int8_t* border = row - 1;  // the one met last
    for (int x = 0; x < mask.width(); ++x) {
      if (row[x] == 1 && row[x - 1] == 0 && *border <= 0) follower.follow(row + x, x, y);
      if (row[x] == kPassed || row[x] == kLeaving) border = row + x;
    }
  }
  return {};
}

}  // namespace leat

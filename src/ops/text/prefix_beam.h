// Prefix beam search: the most probable text by a CTC model's probabilities, all the ways together
// in which blanks and repetitions may be set into it (Graves et al., "Connectionist Temporal
// Classification", 2006).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace leat {

class PrefixBeam {
 public:
  // Keeps the `width` most probable beginnings of a text at each step, and tries the most probable
  // classes after each, one more than that.
  PrefixBeam(size_t width, int64_t blank);

  // What is not above 0, NaN among it, counts as 0. A step after which nothing is probable any more
  // is passed over.
  void step(std::span<const float> probabilities);

  struct Text {
    std::vector<int64_t> classes;  // without blanks
    // Of the probabilities with which its classes begin, in the most probable way; 0 of none.
    double mean = 0;
  };
  Text best() const;

 private:
  // All ways to one beginning that end alike, with a blank or with its last class.
  struct Ways {
    double all = 0;               // probability of them together, scaled alike for all beginnings
    double best_log = -INFINITY;  // logarithm of the most probable one's
    double begun = 0;             // sum of the probabilities with which that one's classes begin
    void add(const Ways& from, double probability, double begins);
  };
  struct Beginning {
    uint32_t node;    // kNone: not kept yet
    uint32_t parent;  // node of what comes before `last`
    int64_t last;     // class; -1 of the empty beginning
    Ways blank{}, label{};
    double all() const { return blank.all + label.all; }
  };
  struct Node {
    uint32_t parent;
    int64_t last;
    uint32_t place;  // in beam_; kNone: not there
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  static uint64_t key(uint32_t parent, int64_t last) {
    return uint64_t{parent} << 32 | static_cast<uint32_t>(last);
  }
  void choose(std::span<const float> probabilities);
  void extend(const Beginning& from, std::span<const float> probabilities);
  Beginning& child(const Beginning& from, int64_t last);
  void keep_best();

  size_t width_;
  int64_t blank_;
  std::vector<Node> nodes_;  // every beginning that was ever kept; the first is the empty one
  std::unordered_map<uint64_t, uint32_t> node_of_;  // by its key
  std::vector<Beginning> beam_, next_;
  std::vector<int64_t> tried_;  // classes, in this step
};

}  // namespace leat

// Numbers that look random and are the same each time: SplitMix64 (Steele, Lea, Flood, 2014).
//
// Not for secrets.
#pragma once

#include <cstdint>

namespace leat {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // One of several independent sequences of the same seed.
  Random(uint64_t seed, uint64_t stream) : state_(Random(seed ^ Random(stream).next()).next()) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // In [low, high), or low where that is empty.
  double within(double low, double high) { return low + (high - low) * unit(); }

 private:
  uint64_t state_;
};

}  // namespace leat

// The most probable class of each of many, where scores come in planes: one a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace leat {

// By place: the greatest of its scores, and of which plane it is; of equal ones the first. NaN in
// the first plane stays, elsewhere it is less than everything. There is a class at least.
struct BestClasses {
  std::vector<float> scores;
  std::vector<int32_t> classes;

  void find(const float* planes, size_t count_of_classes, size_t places) {
    scores.assign(planes, planes + places);
    classes.assign(places, 0);
    for (size_t c = 1; c < count_of_classes; ++c) {
      planes += places;
      for (size_t i = 0; i < places; ++i) {
        const bool better = planes[i] > scores[i];
        scores[i] = better ? planes[i] : scores[i];
        classes[i] = better ? static_cast<int32_t>(c) : classes[i];
      }
    }
  }
};

}  // namespace leat

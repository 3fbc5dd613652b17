// Batches built in place: the items of one model lie side by side before anybody has joined them.
//
// A producer that knows its shape asks for memory and gets the next slot of a row of slots; items
// produced one after another are then already one batch, and joining them copies nothing. Nobody
// waits for a slot: a batch takes what is ready, and when that is not one contiguous piece (a slot
// in the middle failed or is not ready yet) the items are copied together as any others.
#pragma once

#include <mutex>

#include "leat/tensor.h"
#include "memory/arena.h"

namespace leat {

class BatchSlots {
 public:
  BatchSlots(int64_t batch_max, Arena& arena) : batch_max_(batch_max), arena_(arena) {}

  // Uninitialised memory for one item.
  Result<Tensor> reserve(DType type, const Shape& item);
  // A batch has begun: if the row has too little room left for a whole batch, the next item starts
  // a new one.
  void batch_began();

 private:
  static constexpr int64_t kBatches = 2;  // that a row has room for
  const int64_t batch_max_;
  Arena& arena_;
  std::mutex mutex_;
  Tensor row_;        // guarded by mutex_; shape [slots, item...]
  int64_t next_ = 0;  // guarded by mutex_
};

}  // namespace leat

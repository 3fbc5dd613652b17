#include "pipeline/batch_slots.h"

namespace leat {

Result<Tensor> BatchSlots::reserve(DType type, const Shape& item) {
  if (item.rank() == Shape::kMaxRank) return allocate_tensor(arena_, type, item);
  std::lock_guard lock(mutex_);
  // When nobody holds a slot any more, the first ones are the warmest. (Only here they are given
  // out: what nobody holds stays so.)
  if (row_ && row_.block()->refs.load(std::memory_order_acquire) == 1) next_ = 0;
  bool fits =
      row_ && row_.dtype() == type && next_ < row_.shape()[0] && row_.shape().without(0) == item;
  if (!fits) {
    LEAT_ASSIGN(row_, allocate_tensor(arena_, type, item.with(0, kBatches * batch_max_)));
    next_ = 0;
  }
  return row_.row(next_++);
}

void BatchSlots::batch_began() {
  std::lock_guard lock(mutex_);
  if (row_ && row_.shape()[0] - next_ < batch_max_) row_.reset();
}

}  // namespace leat

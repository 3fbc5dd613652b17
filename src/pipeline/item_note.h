// The note that goes with a worker's answer to a batch of items: how the outputs lie, and which
// items failed.
//
//   u32 ports; u32 whole[ports]   1: one tensor with a leading axis of items; 0: one an item, which
//                                 is absent where the item failed
//   u32 failures; and each: u32 item, u32 code, u32 length, and so many bytes of the message
//
// Little endian. A worker is not believed: what cannot be is an error.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leat/status.h"

namespace leat {

struct ItemNote {
  std::vector<bool> whole;       // by port
  std::vector<Status> statuses;  // by item; empty: all are ok
};

std::string write_note(const ItemNote& note);
// kStepFailed when it is not a note on so many ports and items.
Result<ItemNote> read_note(std::string_view text, size_t ports, size_t items);

}  // namespace leat

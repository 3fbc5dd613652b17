// Items to a batch and back. See model/model.h for the layout.
#pragma once

#include <span>
#include <vector>

#include "leat/status.h"
#include "memory/arena.h"
#include "pipeline/frame.h"

namespace leat {

// One item of a batch: where its values are.
struct BatchMember {
  NodeState* node;
  const LinkedStep* step;  // of the member's own plan: steps of several plans may share a batch
};

// Puts the members in the order in which their values lie in memory, so that a batch that was built
// in place is found to be one.
void order_by_address(std::span<BatchMember> members);

// The model's inputs, by port, the batch axis included; what has to be made for that is made in
// `arena`. `lengths`, if the step pads, takes each member's true length.
Status join(std::span<const BatchMember> members, Arena& arena, std::vector<Tensor>& inputs,
            std::vector<int64_t>& lengths);

// What the members bring to be joined, in bytes: without what they are filled up with.
int64_t joined_bytes(std::span<const BatchMember> members);

// Gives every member its part of the model's outputs, in its frame.
Status split(std::span<const BatchMember> members, std::span<Tensor> outputs,
             std::span<const int64_t> lengths);

}  // namespace leat

#include "worker/reply.h"

#include <cstring>
#include <string>

#include "base/text.h"
#include "worker/wire.h"

namespace leat {

namespace {
Status wrong(std::string_view what) {
  return Status(Code::kStepFailed, cat("the worker's answer cannot be: ", what));
}
}  // namespace

Status ReplyReader::read(const Message& message, Status& status, std::vector<Tensor>& outputs,
                         std::string& note) const {
  if (message.offset > arena.size() || message.length > arena.size() - message.offset ||
      message.length < sizeof(Reply)) {
    return wrong("it lies outside of its arena");
  }
  const std::byte* from = arena.data() + message.offset;
  Reply reply;
  std::memcpy(&reply, from, sizeof reply);
  const uint64_t wires = uint64_t{reply.outputs} * sizeof(TensorWire);
  const uint64_t rest = message.length - sizeof reply;
  if (wires > rest || reply.text != rest - wires ||
      reply.code > static_cast<uint32_t>(Code::kInternal)) {
    return wrong("its parts do not add up");
  }
  from += sizeof reply;
  for (uint32_t i = 0; i < reply.outputs; ++i, from += sizeof(TensorWire)) {
    TensorWire wire;
    std::memcpy(&wire, from, sizeof wire);
    if (wire.whose == Whose::kAbsent) {
      outputs.emplace_back();
    } else if (wire.whose == Whose::kServers) {
      LEAT_ASSIGN(Tensor input, checked_input(wire, inputs, exchange));
      outputs.push_back(std::move(input));
    } else if (wire.whose == Whose::kWorkers) {
      LEAT_ASSIGN(Tensor output, checked_view(wire, arena, release, lend(wire.offset), number));
      outputs.push_back(std::move(output));
    } else {
      return wrong(cat("output ", i, " is nowhere"));
    }
  }
  note.assign(reinterpret_cast<const char*>(from), reply.text);
  if (reply.code != 0) status = Status(static_cast<Code>(reply.code), std::move(note));
  return {};
}

}  // namespace leat

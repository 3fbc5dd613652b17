#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <unordered_map>

#include "base/clock.h"
#include "base/text.h"
#include "worker/control.h"
#include "worker/reply.h"
#include "worker/sandbox.h"
#include "worker/spawn.h"
#include "worker/wire.h"
#include "worker/worker.h"

namespace leat {

namespace {
constexpr int kSpin = 100;  // looks for more work before it sleeps: a few microseconds
}

struct WorkerEnd::State {
  State(Arena::Attached control_memory, Arena::Attached exchange_memory)
      : control(std::move(control_memory)),
        in(rings().to_worker, kToWorkerFd),
        out(rings().to_server, kToServerFd) {
    memories.emplace(0, std::move(exchange_memory));
  }
  ControlMemory& rings() const { return *reinterpret_cast<ControlMemory*>(control.bytes().data()); }

  int sandbox_of = 0;  // the server, when the sandbox is still to be entered
  const Arena::Attached control;
  std::map<uint32_t, Arena::Attached> memories;  // to be read, by their numbers; 0: the exchange
  RingReader in;
  RingWriter out;
  // What the server may be reading: outputs, by their offset; replies, by the messages sent so far.
  std::unordered_multimap<uint64_t, Tensor> lent;
  std::deque<std::pair<uint32_t, Tensor>> replies;

  static bool inside(const Tensor& tensor, std::span<const std::byte> memory) {
    return tensor.data() >= memory.data() && tensor.data() < memory.data() + memory.size();
  }
  static bool in_heap(const Tensor& tensor) {
    return inside(tensor, {Arena::heap().base(), Arena::heap().limit()});
  }
  // The one of `memories` that it lies in; null: none.
  const Arena::Attached* home(const Tensor& tensor) const {
    for (const auto& [number, memory] : memories) {
      if (inside(tensor, memory.bytes())) return &memory;
    }
    return nullptr;
  }

  void map(const Message& message);
  static uint64_t nanos() { return static_cast<uint64_t>(SteadyClock::instance().now()); }
  uint64_t began = 0;  // with the batch, in nanos()

  void answer(uint64_t id, const Status& status, Made& made);
};

Result<std::unique_ptr<WorkerEnd>> WorkerEnd::attach() {
  const char* text = std::getenv(kWorkerVariable);
  int server = 0;
  unsigned long exchange_bytes = 0, arena_bytes = 0;
  int sandbox = 0;
  if (!text ||
      std::sscanf(text, "%d %lu %lu %d", &server, &exchange_bytes, &arena_bytes, &sandbox) < 3) {
    return Status(Code::kBadInput, cat("this program is started by a server, which says ",
                                       kWorkerVariable, "; by itself it does nothing"));
  }
  // Whatever ends the server ends this process; the server may have gone before this line.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return Status(Code::kInternal, cat("prctl(PR_SET_PDEATHSIG): ", strerror(errno)));
  }
  if (getppid() != server) return Status(Code::kUnavailable, "the server has gone");
  setvbuf(stdout, nullptr, _IOLBF, 0);  // lines go to the server's log when they end
  LEAT_ASSIGN(Arena::Attached control,
              Arena::Attached::map(0, kControlFd, sizeof(ControlMemory), true));
  LEAT_ASSIGN(Arena::Attached exchange,
              Arena::Attached::map(0, kExchangeFd, exchange_bytes, false));
  Arena::set_heap_memory(kArenaFd, arena_bytes);
  auto state = std::make_unique<State>(std::move(control), std::move(exchange));
  state->sandbox_of = sandbox != 0 ? server : 0;
  return std::unique_ptr<WorkerEnd>(new WorkerEnd(std::move(state)));
}

WorkerEnd::WorkerEnd(std::unique_ptr<State> state) : state_(std::move(state)) {}
WorkerEnd::~WorkerEnd() = default;

void WorkerEnd::State::map(const Message& message) {
  const auto number = static_cast<uint32_t>(message.id);
  auto map = [&]() -> Status {
    LEAT_ASSIGN(const Descriptor fd, receive_descriptor(kSocketFd));
    LEAT_ASSIGN(Arena::Attached memory,
                Arena::Attached::map(number, fd.get(), message.length, false));
    memories.emplace(number, std::move(memory));
    return {};
  };
  if (Status status = map(); !status.ok()) {
    std::fprintf(stderr, "leat worker: %s\n", status.message().c_str());
    std::abort();
  }
}

void WorkerEnd::State::answer(uint64_t id, const Status& status, Made& made) {
  std::vector<Tensor>& outputs = made.outputs;
  const size_t count = status.ok() ? outputs.size() : 0;
  const std::string& text = status.ok() ? made.note : status.message();
  const size_t bytes = sizeof(Reply) + count * sizeof(TensorWire) + text.size();
  auto block = Arena::heap().allocate(bytes);
  if (!block.ok()) {  // not even room to say so
    std::fprintf(stderr, "leat worker: %s\n", block.status().message().c_str());
    std::abort();
  }
  Tensor body = Tensor::view(*block, DType::kUint8, Shape{static_cast<int64_t>(bytes)},
                             (*block)->payload, bytes);
  (*block)->drop();
  std::byte* to = body.mutable_data();
  Reply reply{static_cast<uint32_t>(status.code()), static_cast<uint32_t>(count), text.size()};
  std::memcpy(to, &reply, sizeof reply);
  to += sizeof reply;
  const std::byte* base = Arena::heap().base();
  for (size_t i = 0; i < count; ++i, to += sizeof(TensorWire)) {
    const Arena::Attached* others = home(outputs[i]);
    TensorWire wire = others ? tell(outputs[i], Whose::kServers, others->bytes().data())
                             : tell(outputs[i], Whose::kWorkers, base);
    if (others) wire.arena = others->id();
    std::memcpy(to, &wire, sizeof wire);
    if (outputs[i] && !others) lent.emplace(wire.offset, outputs[i]);
  }
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  const auto offset = static_cast<uint64_t>(body.data() - base);
  replies.emplace_back(out.sent(), std::move(body));
  while (static_cast<int32_t>(out.done_with() - replies.front().first) > 0) replies.pop_front();
  auto sent = out.send(
      {.kind = kDone, .id = id, .offset = offset, .length = bytes, .ran = nanos() - began});
  // The server has room for the answers of all batches that it sends.
  if (!sent.ok() || !*sent) std::abort();
}

void WorkerEnd::serve(const Run& run) {
  std::vector<Tensor> inputs;
  Made made;
  Message message;
  while (true) {
    auto got = state_->in.look(message);
    if (!got.ok()) std::abort();
    if (!*got) {
      if (state_->in.wait(kSpin)) continue;
      std::fputs("leat worker: somebody has closed its descriptors\n", stderr);
      std::abort();
    }
    state_->in.done();
    if (message.kind == kFree) {
      auto found = state_->lent.find(message.offset);
      if (found != state_->lent.end()) state_->lent.erase(found);
      continue;
    }
    if (message.kind == kMap) {
      state_->map(message);
      continue;
    }
    if (message.kind == kUnmap) {
      state_->memories.erase(static_cast<uint32_t>(message.id));
      continue;
    }
    const std::byte* body = state_->memories.at(0).bytes().data() + message.offset;
    for (uint32_t i = 0; i < message.count; ++i) {
      TensorWire wire;
      std::memcpy(&wire, body + i * sizeof wire, sizeof wire);
      inputs.push_back(view_of(wire, state_->memories.at(wire.arena).bytes().data()));
    }
    state_->began = State::nanos();
    Status status = run({inputs, message.items}, made);
    for (Tensor& output : made.outputs) {
      if (!status.ok()) break;
      if (!output || state_->home(output) || State::in_heap(output)) continue;
      auto copy = copy_into(Arena::heap(), output);  // of memory that nobody else can see
      if (copy.ok()) {
        output = *std::move(copy);
      } else {
        status = copy.status();
      }
    }
    if (pid_t server = state_->sandbox_of; server != 0 && status.ok()) {
      status = enter_sandbox(server);
      state_->sandbox_of = 0;
    }
    state_->answer(message.id, status, made);
    inputs.clear();
    made.outputs.clear();
    made.note.clear();
  }
}

}  // namespace leat

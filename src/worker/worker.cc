#include "worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

#include "base/text.h"
#include "worker/control.h"
#include "worker/printed.h"
#include "worker/process_use.h"
#include "worker/reply.h"
#include "worker/spawn.h"
#include "worker/wire.h"

namespace leat {

namespace {

// What the server keeps of a worker's descriptors.
struct Kept {
  Descriptor to_worker, to_server;  // eventfds
  Descriptor socket;
  Descriptor arena;  // for reading only
};

// Another open file of the same memory, for reading only.
Result<Descriptor> readable(int memory) {
  Descriptor fd(open(cat("/proc/self/fd/", memory).c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return start_failed("open of shared memory");
  return fd;
}

}  // namespace

// Lives until the worker's handle and the last output have gone.
class Worker::Shared : public std::enable_shared_from_this<Worker::Shared> {
 public:
  Shared(Arena& exchange, Kept kept, Arena::Attached control, Arena::Attached arena)
      : exchange_(exchange),
        kept_(std::move(kept)),
        control_memory_(std::move(control)),
        arena_(std::move(arena)),
        writer_(rings().to_worker, kept_.to_worker.get()),
        reader_(rings().to_server, kept_.to_server.get()) {}
  ~Shared();

  // From here on others can be shown its arena.
  void enter();
  // The worker, live or dead, whose arena has this number.
  static std::shared_ptr<Shared> find(uint32_t arena);
  void runs_as(pid_t pid, Descriptor process, Printed printed) {
    pid_ = pid;
    process_ = std::move(process);
    printed_ = std::move(printed);
  }
  Status send(uint64_t id, std::span<const Tensor> inputs, uint64_t items);
  Result<bool> receive(Done& done);
  std::vector<uint64_t> under_way() const;
  void give_back(uint64_t offset);
  void kill();
  void end();
  bool killed_from_outside() const { return from_outside_; }
  void forget();  // nobody will ask for answers any more

  Printed& printed() { return printed_; }
  RingReader& reader() { return reader_; }
  int signal() const { return kept_.to_server.get(); }
  int process() const { return process_.get(); }
  pid_t pid() const { return pid_; }
  std::string& end_text() { return end_; }

 private:
  // One output: its memory in the worker's arena.
  struct Lease {
    std::shared_ptr<Shared> of;
    uint64_t offset;
  };
  static void release(void* lease) {
    std::unique_ptr<Lease> gone(static_cast<Lease*>(lease));
    gone->of->give_back(gone->offset);
  }
  ControlMemory& rings() const {
    return *reinterpret_cast<ControlMemory*>(control_memory_.bytes().data());
  }
  // Of all that live, by their arenas' numbers. Requires all_mutex_.
  static std::map<uint32_t, std::weak_ptr<Shared>>& all();
  // Lets this worker read what lies in the arena of `other`. False: that cannot be done now.
  bool show(const Shared& other);
  void show_no_more(uint32_t arena);
  // Messages that found no room first. Requires mutex_.
  void flush();

  // Half of a ring, so that batches always find room beside what is given back, and answers always.
  static constexpr uint32_t kMostBatches = RingMemory::kSlots / 2;

  struct Batch {
    std::vector<Tensor> inputs;  // in the exchange, or in arenas that it was shown
    Tensor body;                 // their TensorWires
  };

  static inline std::mutex all_mutex_;
  Arena& exchange_;
  const Kept kept_;
  const Arena::Attached control_memory_, arena_;
  pid_t pid_ = 0;
  Descriptor process_;
  Printed printed_;
  std::string end_;
  const uint64_t ended_for_memory_before_ = ended_for_memory();
  bool killed_ = false;  // by this process
  bool from_outside_ = false;
  // No tensor goes while it is held: that may end another worker's arena, which then tells this
  // one.
  mutable std::mutex mutex_;
  RingWriter writer_;                  // guarded by mutex_, as are the next four
  bool ended_ = false;                 // nobody reads what is sent
  std::map<uint64_t, Batch> batches_;  // sent and not answered
  std::vector<Message> to_tell_;       // of memory that is not used, which there was no room for
  std::set<uint32_t> shown_;           // arenas of others
  RingReader reader_;                  // belongs to who receives
};

std::map<uint32_t, std::weak_ptr<Worker::Shared>>& Worker::Shared::all() {
  static auto* all = new std::map<uint32_t, std::weak_ptr<Shared>>;
  return *all;
}

void Worker::Shared::enter() {
  std::lock_guard lock(all_mutex_);
  all().emplace(arena_.id(), weak_from_this());
}

Worker::Shared::~Shared() {
  std::vector<std::shared_ptr<Shared>> others;
  {
    std::lock_guard lock(all_mutex_);
    all().erase(arena_.id());
    for (const auto& [arena, other] : all()) others.push_back(other.lock());
  }
  for (const auto& other : others) {
    if (other) other->show_no_more(arena_.id());
  }
}

std::shared_ptr<Worker::Shared> Worker::Shared::find(uint32_t arena) {
  std::lock_guard lock(all_mutex_);
  auto found = all().find(arena);
  return found == all().end() ? nullptr : found->second.lock();
}

bool Worker::Shared::show(const Shared& other) {
  const uint32_t arena = other.arena_.id();
  std::lock_guard lock(mutex_);
  if (ended_ || shown_.contains(arena)) return true;
  // The descriptor goes first, and with it the message must.
  auto room = writer_.room();
  if (!room.ok() || *room <= kMostBatches) return false;
  if (!send_descriptor(kept_.socket.get(), other.kept_.arena.get())) return false;
  auto sent = writer_.send({.kind = kMap, .id = arena, .length = other.arena_.bytes().size()});
  if (!sent.ok() || !*sent) return false;  // it has spoilt the ring
  shown_.insert(arena);
  return true;
}

void Worker::Shared::show_no_more(uint32_t arena) {
  std::lock_guard lock(mutex_);
  if (shown_.erase(arena) == 0 || ended_) return;
  to_tell_.push_back({.kind = kUnmap, .id = arena});
  flush();
}

void Worker::Shared::forget() {
  std::map<uint64_t, Batch> gone;
  std::lock_guard lock(mutex_);
  gone.swap(batches_);
}

Status Worker::Shared::send(uint64_t id, std::span<const Tensor> inputs, uint64_t items) {
  Batch batch;
  const size_t bytes = inputs.size() * sizeof(TensorWire);
  LEAT_ASSIGN(Block * block, exchange_.allocate(bytes));
  const auto offset = static_cast<uint64_t>(block->payload - exchange_.base());
  batch.body =
      Tensor::view(block, DType::kUint8, Shape{static_cast<int64_t>(bytes)}, block->payload, bytes);
  block->drop();
  batch.inputs.reserve(inputs.size());
  // Most inputs lie where the one before does.
  uint32_t arena = exchange_.id();
  bool visible = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor input = inputs[i];
    TensorWire wire;
    if (input) {
      if (input.block()->arena != arena) {
        arena = input.block()->arena;
        const auto other = arena == exchange_.id() ? nullptr : find(arena);
        visible = arena == exchange_.id() || (other && show(*other));
      }
      if (!visible) {
        LEAT_ASSIGN(input, copy_into(exchange_, input));
      }
      const Block& where = *input.block();
      wire = tell(input, Whose::kServers, where.payload - where.offset);
      wire.arena = where.arena == exchange_.id() ? 0 : where.arena;
    }
    std::memcpy(batch.body.mutable_data() + i * sizeof wire, &wire, sizeof wire);
    batch.inputs.push_back(std::move(input));
  }
  std::lock_guard lock(mutex_);
  flush();
  bool room = batches_.size() < kMostBatches;
  if (room && !ended_) {
    auto sent = writer_.send({.kind = kRun,
                              .count = static_cast<uint32_t>(inputs.size()),
                              .id = id,
                              .offset = offset,
                              .length = bytes,
                              .items = items});
    if (!sent.ok()) return sent.status();
    room = *sent;
  }
  if (ended_) return Status(Code::kStepFailed, "the worker has ended");
  if (!room) return Status(Code::kOverloaded, "too many batches are under way in the worker");
  batches_.emplace(id, std::move(batch));
  return {};
}

void Worker::Shared::flush() {
  while (!to_tell_.empty() && !ended_) {
    // What it may use again matters to a worker when it runs: one that sleeps is told when it
    // wakes, or before the ring is full. What another left behind is to go at once.
    const bool urgent =
        to_tell_.back().kind == kUnmap || writer_.sent() - writer_.done_with() > kMostBatches / 2;
    auto sent = writer_.send(to_tell_.back(), kMostBatches, urgent);
    if (!sent.ok() || !*sent) return;
    to_tell_.pop_back();
  }
}

void Worker::Shared::give_back(uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  to_tell_.push_back({.kind = kFree, .offset = offset});
  flush();
}

Result<bool> Worker::Shared::receive(Done& done) {
  Message message;
  LEAT_ASSIGN(bool any, reader_.look(message));
  if (!any) return false;
  Batch batch;
  {
    std::lock_guard lock(mutex_);
    auto found = message.kind == kDone ? batches_.find(message.id) : batches_.end();
    if (found == batches_.end()) {
      return Status(Code::kStepFailed,
                    cat("the worker answered batch ", message.id, ", which it was not given"));
    }
    batch = std::move(found->second);
    batches_.erase(found);
  }
  done = {.id = message.id, .status = {}, .outputs = {}, .note = {}, .ran = message.ran};
  auto lend = [this](uint64_t offset) -> void* { return new Lease{shared_from_this(), offset}; };
  const ReplyReader reader{arena_.bytes(), exchange_.base(), batch.inputs,
                           lend,           release,          arena_.id()};
  Status status = reader.read(message, done.status, done.outputs, done.note);
  reader_.done();
  if (status.ok()) return true;
  // Not answered after all: the caller gets it back with the others.
  done.outputs.clear();
  std::lock_guard lock(mutex_);
  batches_.emplace(message.id, std::move(batch));
  return status;
}

std::vector<uint64_t> Worker::Shared::under_way() const {
  std::lock_guard lock(mutex_);
  std::vector<uint64_t> ids;
  for (const auto& [id, batch] : batches_) ids.push_back(id);
  return ids;
}

void Worker::Shared::end() {
  if (!end_.empty()) return;
  siginfo_t info{};
  const bool by_descriptor = process_.get() >= 0;
  const auto which = static_cast<id_t>(by_descriptor ? process_.get() : pid_);
  while (waitid(by_descriptor ? P_PIDFD : P_PID, which, &info, WEXITED) != 0 && errno == EINTR) {
  }
  if (info.si_code == 0) {
    end_ = "ended, and another part of this program has taken the reason";
  } else if (info.si_code == CLD_EXITED) {
    end_ = cat("exited with status ", info.si_status);
  } else {
    end_ = cat("was killed by signal ", info.si_status, " (", strsignal(info.si_status), ")");
  }
  if (info.si_code == CLD_KILLED && !killed_) {
    constexpr int kSent[] = {SIGKILL, SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    from_outside_ = std::ranges::count(kSent, info.si_status) > 0;
    if (info.si_status == SIGKILL && ended_for_memory() > ended_for_memory_before_) {
      end_ += " for want of memory";
      from_outside_ = false;
    }
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  to_tell_.clear();
}

void Worker::Shared::kill() {
  if (!end_.empty()) return;
  killed_ = true;
  // By its descriptor: whoever else waits for this process's children can have freed the number.
  if (process_.get() < 0) {
    ::kill(pid_, SIGKILL);
  } else {
    syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  }
}

Result<std::unique_ptr<Worker>> Worker::start(const WorkerSetup& setup, Arena& exchange) {
  LEAT_ASSIGN(int control, Arena::make_memory("leat-control", sizeof(ControlMemory)));
  const Descriptor control_fd(control);
  LEAT_ASSIGN(int own, Arena::make_memory("leat-worker", setup.arena_bytes));
  const Descriptor arena_fd(own);
  LEAT_ASSIGN(const Descriptor exchange_fd, readable(exchange.descriptor()));
  Kept kept;
  LEAT_ASSIGN(kept.arena, readable(arena_fd.get()));
  kept.to_worker = Descriptor(eventfd(0, EFD_CLOEXEC));
  kept.to_server = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (kept.to_worker.get() < 0 || kept.to_server.get() < 0) return start_failed("eventfd");
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return start_failed("socketpair");
  }
  kept.socket = Descriptor(sockets[0]);
  const Descriptor its_socket(sockets[1]);
  LEAT_ASSIGN(Arena::Attached rings,
              Arena::Attached::map(0, control_fd.get(), sizeof(ControlMemory), true));
  LEAT_ASSIGN(Arena::Attached arena,
              Arena::Attached::map(Arena::new_id(), arena_fd.get(), setup.arena_bytes, false));
  const int descriptors[] = {control_fd.get(),     exchange_fd.get(),    arena_fd.get(),
                             kept.to_worker.get(), kept.to_server.get(), its_socket.get()};
  auto shared =
      std::make_shared<Shared>(exchange, std::move(kept), std::move(rings), std::move(arena));
  shared->enter();
  int pipe[2] = {-1, -1};
  if (setup.log && pipe2(pipe, O_CLOEXEC) != 0) return start_failed("pipe");
  Printed printed(Descriptor(pipe[0]), setup.log);
  const Descriptor output(pipe[1]);
  if (setup.log) fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  LEAT_ASSIGN(pid_t pid, spawn(setup, descriptors, output.get(),
                               cat(getpid(), " ", exchange.limit(), " ", setup.arena_bytes, " ",
                                   setup.sandbox ? 1 : 0)));
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const bool watched = process.get() >= 0;
  shared->runs_as(pid, std::move(process), std::move(printed));
  std::unique_ptr<Worker> worker(new Worker(std::move(shared)));
  if (!watched) return start_failed("pidfd_open");
  return worker;
}

Worker::~Worker() {
  kill();
  shared_->end();
  shared_->printed().finish(SteadyClock::instance().now());
  shared_->forget();
}
Status Worker::send(uint64_t id, std::span<const Tensor> inputs, uint64_t items) {
  return shared_->send(id, inputs, items);
}
Result<bool> Worker::receive(Done& done) { return shared_->receive(done); }
std::vector<uint64_t> Worker::under_way() const { return shared_->under_way(); }
int Worker::signal() const { return shared_->signal(); }
int Worker::process() const { return shared_->process(); }
bool Worker::any() const { return shared_->reader().any(); }
bool Worker::may_sleep() { return shared_->reader().may_sleep(); }
void Worker::awake() { shared_->reader().awake(); }
int Worker::printed() const { return shared_->printed().descriptor(); }
Nanos Worker::printed_due() const { return shared_->printed().due(); }
void Worker::read_printed(Nanos now) { shared_->printed().read(now); }
void Worker::finish_printed(Nanos now) { shared_->printed().finish(now); }
bool Worker::reachable(const Tensor& tensor) {
  return Shared::find(tensor.block()->arena) != nullptr;
}
pid_t Worker::pid() const { return shared_->pid(); }
void Worker::kill() { shared_->kill(); }
bool Worker::killed_from_outside() const { return shared_->killed_from_outside(); }
std::string Worker::how_it_ended() {
  shared_->end();
  return shared_->end_text();
}

}  // namespace leat

#include "worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "worker/control.h"
#include "worker/reply.h"
#include "worker/wire.h"

extern char** environ;

namespace leat {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Status failed(std::string_view call) {
  return Status(Code::kInternal, cat("a worker cannot be started: ", call, ": ", strerror(errno)));
}

// Runs the program with descriptors[i] as its number kControlFd + i and no others but the standard
// ones: all of this process's are to be closed on exec.
Result<pid_t> spawn(const WorkerSetup& setup, std::span<const int> descriptors,
                    const std::string& variable) {
  // Out of the way of the numbers that they are to have.
  std::vector<Descriptor> high;
  for (int fd : descriptors) {
    high.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, kInheritedEnd));
    if (high.back().get() < 0) return failed("fcntl(F_DUPFD_CLOEXEC)");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (size_t i = 0; i < high.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, high[i].get(), kControlFd + static_cast<int>(i));
  }
  std::vector<std::string> words = {setup.program};
  words.insert(words.end(), setup.arguments.begin(), setup.arguments.end());
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string own = cat(kWorkerVariable, "=", variable);
  environment.push_back(own.data());
  for (char** entry = environ; *entry; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int error = posix_spawn(&pid, setup.program.c_str(), &actions, &attributes, arguments.data(),
                          environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Status(Code::kInternal,
                  cat("the worker ", setup.program, " cannot be started: ", strerror(error)));
  }
  return pid;
}

}  // namespace

// Lives until the worker's handle and the last output have gone.
class Worker::Shared : public std::enable_shared_from_this<Worker::Shared> {
 public:
  Shared(Arena& exchange, Descriptor to_worker, Descriptor to_server, Arena::Attached control,
         Arena::Attached arena)
      : exchange_(exchange),
        to_worker_(std::move(to_worker)),
        to_server_(std::move(to_server)),
        control_memory_(std::move(control)),
        arena_(std::move(arena)),
        writer_(rings().to_worker, to_worker_.get()),
        reader_(rings().to_server, to_server_.get()) {}

  void runs_as(pid_t pid, Descriptor process) {
    pid_ = pid;
    process_ = std::move(process);
  }
  Status send(uint64_t id, std::span<const Tensor> inputs, uint64_t items);
  Result<bool> receive(Done& done);
  std::vector<uint64_t> under_way() const;
  void give_back(uint64_t offset);
  void kill();
  void end();
  bool killed_from_outside() const { return from_outside_; }
  // Nobody will ask for answers any more.
  void forget() {
    std::lock_guard lock(mutex_);
    batches_.clear();
  }

  RingReader& reader() { return reader_; }
  int signal() const { return to_server_.get(); }
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
  // Messages that found no room first. Requires mutex_.
  void flush();

  // Half of a ring, so that batches always find room beside what is given back, and answers always.
  static constexpr uint32_t kMostBatches = RingMemory::kSlots / 2;

  struct Batch {
    std::vector<Tensor> inputs;  // in the exchange
    Tensor body;                 // their TensorWires
  };

  Arena& exchange_;
  const Descriptor to_worker_, to_server_;
  const Arena::Attached control_memory_, arena_;
  pid_t pid_ = 0;
  Descriptor process_;
  std::string end_;
  bool killed_ = false;  // by this process
  bool from_outside_ = false;
  mutable std::mutex mutex_;
  RingWriter writer_;                  // guarded by mutex_, as are the next three
  bool ended_ = false;                 // nobody reads what is sent
  std::map<uint64_t, Batch> batches_;  // sent and not answered
  std::vector<uint64_t> to_free_;      // offsets that there was no room to tell of
  RingReader reader_;                  // belongs to who receives
};

Status Worker::Shared::send(uint64_t id, std::span<const Tensor> inputs, uint64_t items) {
  Batch batch;
  const size_t bytes = inputs.size() * sizeof(TensorWire);
  LEAT_ASSIGN(Block * block, exchange_.allocate(bytes));
  const auto offset = static_cast<uint64_t>(block->payload - exchange_.base());
  batch.body =
      Tensor::view(block, DType::kUint8, Shape{static_cast<int64_t>(bytes)}, block->payload, bytes);
  block->drop();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor input = inputs[i];
    if (input && input.block()->arena != exchange_.id()) {
      LEAT_ASSIGN(input, copy_into(exchange_, input));
    }
    TensorWire wire = tell(input, Whose::kServers, exchange_.base());
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
  while (!to_free_.empty() && !ended_) {
    // A worker that sleeps needs no memory: it is told when it wakes, or before the ring is full.
    const bool urgent = writer_.sent() - writer_.done_with() > kMostBatches / 2;
    auto sent = writer_.send({.kind = kFree, .offset = to_free_.back()}, kMostBatches, urgent);
    if (!sent.ok() || !*sent) return;
    to_free_.pop_back();
  }
}

void Worker::Shared::give_back(uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  to_free_.push_back(offset);
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
  done = {.id = message.id, .status = {}, .outputs = {}, .note = {}};
  auto lend = [this](uint64_t offset) -> void* { return new Lease{shared_from_this(), offset}; };
  const ReplyReader reader{arena_.bytes(), exchange_.base(), batch.inputs, lend, release};
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
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  to_free_.clear();
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
  // Another open file, for reading only; the server's own is for both.
  Descriptor exchange_fd(
      open(cat("/proc/self/fd/", exchange.descriptor()).c_str(), O_RDONLY | O_CLOEXEC));
  if (exchange_fd.get() < 0) return failed("open of the exchange");
  Descriptor to_worker(eventfd(0, EFD_CLOEXEC));
  Descriptor to_server(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (to_worker.get() < 0 || to_server.get() < 0) return failed("eventfd");
  LEAT_ASSIGN(Arena::Attached rings,
              Arena::Attached::map(0, control_fd.get(), sizeof(ControlMemory), true));
  LEAT_ASSIGN(Arena::Attached arena,
              Arena::Attached::map(0, arena_fd.get(), setup.arena_bytes, false));
  const int descriptors[] = {control_fd.get(), exchange_fd.get(), arena_fd.get(), to_worker.get(),
                             to_server.get()};
  auto shared = std::make_shared<Shared>(exchange, std::move(to_worker), std::move(to_server),
                                         std::move(rings), std::move(arena));
  LEAT_ASSIGN(pid_t pid, spawn(setup, descriptors,
                               cat(getpid(), " ", exchange.limit(), " ", setup.arena_bytes)));
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const bool watched = process.get() >= 0;
  shared->runs_as(pid, std::move(process));
  std::unique_ptr<Worker> worker(new Worker(std::move(shared)));
  if (!watched) return failed("pidfd_open");
  return worker;
}

Worker::~Worker() {
  kill();
  shared_->end();
  shared_->forget();
}
Status Worker::send(uint64_t id, std::span<const Tensor> inputs, uint64_t items) {
  return shared_->send(id, inputs, items);
}
Result<bool> Worker::receive(Done& done) { return shared_->receive(done); }
std::vector<uint64_t> Worker::under_way() const { return shared_->under_way(); }
int Worker::signal() const { return shared_->signal(); }
int Worker::process() const { return shared_->process(); }
bool Worker::may_sleep() { return shared_->reader().may_sleep(); }
void Worker::awake() { shared_->reader().awake(); }
pid_t Worker::pid() const { return shared_->pid(); }
void Worker::kill() { shared_->kill(); }
bool Worker::killed_from_outside() const { return shared_->killed_from_outside(); }
std::string Worker::how_it_ended() {
  shared_->end();
  return shared_->end_text();
}

}  // namespace leat

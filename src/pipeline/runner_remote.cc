// Batches that workers run.
//
// A batch is one job of the step's workers. A worker that dies costs that batch: its items are
// tried again, each alone, while their deadlines allow. A death is held against an item that was
// alone in the worker, unless somebody else killed that; after the second the item has failed. So
// does one with which workers were killed from outside again and again. A step with side effects is
// never given an item twice.
#include <algorithm>
#include <deque>

#include "base/text.h"
#include "pipeline/executor.h"
#include "pipeline/item_note.h"
#include "pipeline/runner_batch.h"

namespace leat {

namespace {

constexpr int kDeaths = 2;
constexpr int kKillsFromOutside = 16;
// Items that go together take about so long, where the file does not say how many may.
constexpr Nanos kBatchTime = kMillisecond;
constexpr int64_t kLargeItem = 32 << 10;  // bytes
// In the queue, before one more worker is started.
constexpr Nanos kPatience = 10 * kMillisecond;
// How long a worker may go on with what nobody waits for any more.
constexpr Nanos kGrace = kSecond;

// What a worker gave for an output of one item, where it may stand.
Status put(const BatchMember& member, size_t port, Tensor value) {
  const Step& step = *member.step->step;
  if (value) {
    std::string why = step.outputs[port].mismatch(value.dtype(), value.shape());
    if (!why.empty()) {
      return Status(Code::kStepFailed, cat("output ", step.output_names[port], ": ", why));
    }
  }
  member.node->frame->slot(static_cast<size_t>(step.first_slot) + port) = Value(std::move(value));
  return {};
}

}  // namespace

// Owns itself from begin() until its last item has been carried on.
class Runner::Remote final : public WorkerJob {
 public:
  explicit Remote(Runner& runner) : runner_(runner) {}

  void begin(std::span<BatchItem* const> taken, Nanos now) {
    batch_.begin = now;
    runner_.sift(taken, batch_);
    go_on();
  }

 private:
  friend class Runner;
  // An item of a batch that failed, to be tried alone.
  struct Trial {
    BatchMember member{};
    int tries = 0;   // that ended with an error of its own
    int deaths = 0;  // that are held against it
    int kills = 0;   // of its worker, from outside
  };

  void done(WorkerOutcome& outcome) override {
    unlist();
    // What the items do next joins its queues before the next batches start.
    const bool outermost = Executor::begin_turn();
    conclude(outcome);
    go_on();
    if (outermost) Executor::end_turn();
  }

  void go_on();
  bool next_trial();
  Status give();
  Result<std::vector<Tensor>> inputs();
  void conclude(WorkerOutcome& outcome);
  Status take_outputs(WorkerOutcome& outcome);
  Status take_items(WorkerOutcome& outcome);
  bool again(const WorkerOutcome& outcome, const Status& own, Trial& trial);
  void learn(Nanos ran) const;
  void grow();
  void release_permit();
  void enlist();
  void unlist();

  Runner& runner_;
  Batch batch_;               // under way
  Trial trial_;               // the item of it, if it is one that is tried again
  std::deque<Trial> trials_;  // that wait
  std::vector<int64_t> lengths_;
  int64_t bytes_ = 0;  // of the numbers that go over
  bool permit_ = true;
  Remote* next_ = nullptr;  // in the runner's list
};

void Runner::send_items(std::span<BatchItem* const> taken, Nanos begin) {
  (new Remote(*this))->begin(taken, begin);
}

void Runner::stop_dead_remotes() {
  Nanos until = SteadyClock::instance().now() + kGrace;
  for (Remote* remote = remote_; remote; remote = remote->next_) {
    bool wanted = false;
    for (const BatchMember& member : remote->batch_.members) {
      wanted = wanted || !member.node->frame->call->dead();
    }
    if (!wanted) workers_->pool().hurry(*remote, until);
  }
}

void Runner::Remote::enlist() {
  std::lock_guard lock(runner_.running_mutex_);
  next_ = std::exchange(runner_.remote_, this);
}

void Runner::Remote::unlist() {
  std::lock_guard lock(runner_.running_mutex_);
  Remote** at = &runner_.remote_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

// Gives the workers what is next, or ends. Once it has been given, done() may come at any time, and
// this may be gone.
void Runner::Remote::go_on() {
  while (!batch_.members.empty() || next_trial()) {
    enlist();
    Status status = give();
    if (status.ok()) return;
    unlist();
    WorkerOutcome outcome{.status = std::move(status), .outputs = {}, .note = {}};
    conclude(outcome);
  }
  release_permit();
  Runner& runner = runner_;
  delete this;
  runner.let_go();
}

void Runner::Remote::release_permit() {
  if (!std::exchange(permit_, false)) return;
  runner_.follow(runner_.queue_.done(runner_.executor_.clock().now()));
}

// Makes the batch of the next item to be tried alone; false: there is none.
bool Runner::Remote::next_trial() {
  while (!trials_.empty()) {
    trial_ = trials_.front();
    trials_.pop_front();
    batch_.begin = runner_.executor_.clock().now();
    NodeState* node = trial_.member.node;
    BatchItem* taken[] = {node};
    runner_.sift(taken, batch_);
    if (!batch_.members.empty()) return true;
  }
  return false;
}

Status Runner::Remote::give() {
  const Clock& clock = runner_.executor_.clock();
  Nanos begin = clock.now();
  WorkerPool& pool = runner_.workers_->pool();
  auto given = inputs();
  if (!given.ok()) return given.status();
  LEAT_TRY(pool.bring(*given));
  Nanos joined = clock.now();
  batch_.times.input += joined - begin;
  const uint64_t items = runner_.itemised() ? batch_.members.size() : 1;
  std::atomic<Nanos>& start = runner_.usual_start_;
  Nanos usual = start.load(std::memory_order_relaxed);
  // Before submit(), after which this may be gone.
  Nanos took = joined - begin;
  start.store(usual < 0 ? took : usual + (took - usual) / 8, std::memory_order_relaxed);
  return pool.submit(*this, *std::move(given), items);
}

Result<std::vector<Tensor>> Runner::Remote::inputs() {
  std::vector<Tensor> all;
  if (!runner_.itemised()) {
    lengths_.clear();
    if (batch_.members.size() > 1) order_by_address(batch_.members);
    LEAT_TRY(join(batch_.members, runner_.workers_->exchange(), all, lengths_));
    return all;
  }
  bytes_ = 0;
  all.reserve(batch_.members.size() * batch_.members[0].step->most_items);
  for (const BatchMember& member : batch_.members) {
    for (const auto& port : member.step->inputs) {
      for (const ReadItem& item : port) {
        const Value* value = read_item(*member.node->frame, item);
        const Tensor& tensor = value->tensor();  // absent where the value is
        if (tensor && tensor.dtype() != DType::kBytes) {
          bytes_ += static_cast<int64_t>(tensor.byte_size());
        }
        all.push_back(tensor);
      }
    }
  }
  return all;
}

void Runner::Remote::conclude(WorkerOutcome& outcome) {
  batch_.end = runner_.executor_.clock().now();
  batch_.times.infer = batch_.end - batch_.begin - batch_.times.input;
  batch_.apart.clear();
  batch_.status = std::move(outcome.status);
  if (batch_.status.ok()) batch_.status = take_outputs(outcome);
  outcome.outputs.clear();
  if (batch_.status.ok()) {
    runner_.note_run(batch_.end - batch_.begin);
    learn(static_cast<Nanos>(outcome.ran));
    grow();
  }
  // Those that are to be tried again leave the batch.
  std::vector<BatchMember>& members = batch_.members;
  if (!batch_.status.ok() || !batch_.apart.empty()) {
    size_t kept = 0;
    std::vector<Status> statuses;
    for (size_t i = 0; i < members.size(); ++i) {
      Status own = batch_.apart.empty() ? batch_.status : batch_.apart[i];
      Trial trial = trial_.member.node == members[i].node ? trial_ : Trial{.member = members[i]};
      if (!own.ok() && again(outcome, own, trial)) {
        trials_.push_back(trial);
        continue;
      }
      if (outcome.died && trial.deaths >= kDeaths) {
        own = Status(own.code(), cat(own.message(), ", twice with this item alone"));
      } else if (outcome.died && trial.kills >= kKillsFromOutside) {
        own = Status(own.code(), cat(own.message(), ", ", trial.kills, " times"));
      }
      members[kept++] = members[i];
      statuses.push_back(std::move(own));
    }
    members.resize(kept);
    batch_.apart = std::move(statuses);
  }
  if (trials_.empty()) release_permit();
  runner_.carry_on(batch_);
  members.clear();
  batch_.times = {};
  trial_ = {};
}

bool Runner::Remote::again(const WorkerOutcome& outcome, const Status& own, Trial& trial) {
  const StepOptions& options = trial.member.step->step->options;
  if (options.side_effects || is_lost(own.code())) return false;
  const bool alone = batch_.members.size() == 1;
  if (outcome.died) {
    if (outcome.from_outside) {
      ++trial.kills;
    } else if (alone) {
      ++trial.deaths;
    }
    return trial.deaths < kDeaths && trial.kills < kKillsFromOutside;
  }
  // Of a batch that failed as a whole nobody knows whose fault it was.
  if (batch_.apart.empty() && !alone) return true;
  return may_pass_next_time(own.code()) && trial.tries++ < options.retry;
}

// How many items are worth handing over together.
void Runner::Remote::learn(Nanos ran) const {
  if (!runner_.itemised() || !runner_.options_.batch_by_time) return;
  const auto size = static_cast<Nanos>(batch_.members.size());
  const Nanos took = std::clamp<Nanos>(ran, 0, batch_.end - batch_.begin);
  Nanos item = runner_.usual_item_.load(std::memory_order_relaxed);
  item = item < 0 ? took / size : item + (took / size - item) / 8;
  runner_.usual_item_.store(item, std::memory_order_relaxed);
  // Python gets an array of all items, which is a copy: of large ones a dear one.
  const bool alone = batch_.members[0].step->step->spec == nullptr && bytes_ / size > kLargeItem;
  runner_.queue_.set_most(alone ? 1 : std::max<int64_t>(1, kBatchTime / std::max<Nanos>(1, item)));
}

// Items that wait for long want one more worker.
void Runner::Remote::grow() {
  WorkerPool& pool = runner_.workers_->pool();
  if (runner_.queue_.waiting() > 0 && batch_.begin - batch_.members[0].node->since > kPatience) {
    pool.grow();
  }
  if (pool.size() == runner_.permits_.load(std::memory_order_relaxed)) return;
  runner_.permits_.store(pool.size(), std::memory_order_relaxed);
  runner_.follow(runner_.queue_.set_instances(pool.size(), batch_.end));
}

// Into the frames; what is wrong with single items into batch_.apart.
Status Runner::Remote::take_outputs(WorkerOutcome& outcome) {
  if (runner_.itemised()) return take_items(outcome);
  if (outcome.outputs.size() != runner_.model_->outputs().size()) {
    return Status(Code::kStepFailed, "the worker's answer cannot be: its outputs are too few");
  }
  for (const Tensor& output : outcome.outputs) {
    if (!output) return Status(Code::kStepFailed, "the worker's answer lacks an output");
  }
  LEAT_TRY(split(batch_.members, outcome.outputs, lengths_));
  for (const BatchMember& member : batch_.members) {
    for (size_t port = 0; port < member.step->step->outputs.size(); ++port) {
      Value& slot =
          member.node->frame->slot(static_cast<size_t>(member.step->step->first_slot) + port);
      LEAT_TRY(put(member, port, slot.tensor()));
    }
  }
  return {};
}

Status Runner::Remote::take_items(WorkerOutcome& outcome) {
  const size_t ports = batch_.members[0].step->step->outputs.size();
  const size_t items = batch_.members.size();
  LEAT_ASSIGN(ItemNote note, read_note(outcome.note, ports, items));
  const Status wrong(Code::kStepFailed, "the worker's answer cannot be: its outputs are too few");
  size_t tensors = 0;
  for (bool whole : note.whole) tensors += whole ? 1 : items;
  if (outcome.outputs.size() != tensors) return wrong;
  batch_.apart = std::move(note.statuses);
  auto fail = [&](size_t item, Status status) {
    batch_.apart.resize(items);
    if (batch_.apart[item].ok()) batch_.apart[item] = std::move(status);
  };
  Tensor* from = outcome.outputs.data();
  for (size_t port = 0; port < ports; ++port) {
    if (note.whole[port]) {
      const bool rows = *from && from->shape().rank() > 0 &&
                        from->shape()[0] == static_cast<int64_t>(items) &&
                        (from->dtype() != DType::kBytes || from->shape().rank() > 0);
      if (!rows) return wrong;
    }
    for (size_t item = 0; item < items; ++item) {
      if (!batch_.apart.empty() && !batch_.apart[item].ok()) continue;
      Tensor value = note.whole[port] ? from->row(static_cast<int64_t>(item)) : from[item];
      Status status = put(batch_.members[item], port, std::move(value));
      if (!status.ok()) fail(item, std::move(status));
    }
    from += note.whole[port] ? 1 : items;
  }
  return {};
}

}  // namespace leat

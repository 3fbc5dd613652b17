// What every pipeline shares, whoever runs it: values, requests, and the two ways to call that rest
// on submit().
#include <new>

#include "base/event.h"
#include "base/text.h"
#include "leat/pipeline.h"
#include "memory/arena.h"

namespace leat {

namespace {

// The payload of a list's block; the rows follow.
struct ListHead {
  size_t count;
  void (*release)(Block*);  // the arena's own
  Value* rows() { return reinterpret_cast<Value*>(this + 1); }
};

ListHead* head_of(Block* block) { return reinterpret_cast<ListHead*>(block->payload); }

void release_list(Block* block) {
  ListHead* head = head_of(block);
  std::destroy_n(head->rows(), head->count);
  block->release = head->release;  // as the arena made it, before it goes round again
  block->release(block);
}

}  // namespace

Result<Value> Value::list(std::span<Value> rows) {
  LEAT_ASSIGN(Block * block,
              Arena::heap().allocate(sizeof(ListHead) + rows.size() * sizeof(Value)));
  auto* head = new (block->payload) ListHead{rows.size(), block->release};
  std::uninitialized_move(rows.begin(), rows.end(), head->rows());
  block->release = release_list;
  Value value;
  value.list_ = block;
  return value;
}

Value::Value(const Value& other) : tensor_(other.tensor_), list_(other.list_) {
  if (list_) list_->retain();
}

std::span<const Value> Value::rows() const {
  assert(list_ != nullptr);
  ListHead* head = head_of(list_);
  return {head->rows(), head->count};
}

void Value::drop_list() {
  if (list_) std::exchange(list_, nullptr)->drop();
}

namespace {
// The vectors of requests go round, so that a request allocates nothing.
thread_local std::vector<std::vector<Value>> spare_inputs;
}  // namespace

Request::Request(const Pipeline& pipeline) : pipeline_(&pipeline) {
  if (!spare_inputs.empty()) {
    inputs_ = std::move(spare_inputs.back());
    spare_inputs.pop_back();
  }
  inputs_.resize(pipeline.inputs().size());
}

Request::~Request() {
  constexpr size_t kMostSpare = 16;
  inputs_.clear();
  if (inputs_.capacity() > 0 && spare_inputs.size() < kMostSpare) {
    spare_inputs.push_back(std::move(inputs_));
  }
}

Status Request::set(std::string_view input, Value value) {
  const std::vector<Port>& ports = pipeline_->inputs();
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == input) {
      inputs_[i] = std::move(value);
      return {};
    }
  }
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  return Status(Code::kBadInput,
                cat("there is no input \"", input, "\"; allowed: ", join_or(names)));
}

namespace {

class Told final : public Completion {
 public:
  explicit Told(std::function<void(Answer&)> done) : done_(std::move(done)) {}
  void done(Answer& answer) override {
    done_(answer);
    delete this;
  }

 private:
  std::function<void(Answer&)> done_;
};

class Waiting final : public Completion {
 public:
  void done(Answer& answer) override {
    answer_ = std::move(answer);
    ended_.set();
  }
  Answer wait() {
    ended_.wait();
    return std::move(answer_);
  }

 private:
  Answer answer_;
  Event ended_;
};

}  // namespace

Ticket Pipeline::submit(Request request, std::function<void(Answer&)> done) const {
  return submit(std::move(request), *new Told(std::move(done)));
}

Answer Pipeline::run(Request request) const {
  Waiting waiting;
  Ticket ticket = submit(std::move(request), waiting);
  return waiting.wait();
}

}  // namespace leat

// A pipeline for tests: gives back what it gets, when and how it is told to.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "leat/pipeline.h"

namespace leat {

class FakePipeline final : public Pipeline {
 public:
  enum class When : uint8_t {
    kInside,    // before submit() returns
    kThread,    // from another thread
    kHeld,      // when release() is called
    kOnCancel,  // only when cancelled
  };
  using Answerer = std::function<Answer(const Request&)>;

  FakePipeline(std::vector<Port> inputs, std::vector<Port> outputs, Answerer answer,
               When when = When::kInside)
      : inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        answer_(std::move(answer)),
        when_(when),
        thread_([this] { answer_from_thread(); }) {}
  ~FakePipeline() override {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  // Output i is input i.
  static Answer echo(const Request& request) {
    Answer answer;
    for (const Value& value : request.inputs()) answer.outputs.push_back(value);
    return answer;
  }
  static std::shared_ptr<FakePipeline> echoing(std::string_view type, When when = When::kInside) {
    return std::make_shared<FakePipeline>(std::vector<Port>{{"x", Type::of(type)}},
                                          std::vector<Port>{{"y", Type::of(type)}}, echo, when);
  }

  // For kHeld: one held call is answered; waits until there is one.
  void release() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_.empty(); });
    std::shared_ptr<Call> call = held_.front();
    held_.erase(held_.begin());
    lock.unlock();
    call->end(answer_(call->request));
  }
  // Waits until so many calls were submitted, or cancelled.
  void wait_submitted(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return submitted_ >= count; });
  }
  void wait_cancelled(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ >= count; });
  }
  CallOptions last_options() const {
    std::lock_guard lock(mutex_);
    return last_options_;
  }
  int submitted() const {
    std::lock_guard lock(mutex_);
    return submitted_;
  }
  void refuse(Status status) {
    std::lock_guard lock(mutex_);
    refusal_ = std::move(status);
  }
  bool takes_batches = false;
  PipelineStats counters;

  const std::string& name() const override { return name_; }
  const std::string& description() const override { return name_; }
  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }
  bool batched() const override { return takes_batches; }
  int64_t max_items() const override { return takes_batches ? 8 : 0; }
  std::string_view platform() const override { return "leat"; }
  PipelineStats stats() const override { return counters; }
  Result<std::string> graph(std::string_view) const override { return std::string(); }
  Status admit(const CallOptions&) const override {
    std::lock_guard lock(mutex_);
    return refusal_;
  }

  using Pipeline::submit;
  Ticket submit(Request request, Completion& completion, bool) const override {
    auto call = std::make_shared<Call>(*this, std::move(request), completion);
    {
      std::lock_guard lock(mutex_);
      ++submitted_;
      last_options_ = call->request.options;
      if (when_ == When::kThread) queue_.push_back(call);
      if (when_ == When::kHeld) held_.push_back(call);
      changed_.notify_all();
    }
    if (when_ == When::kInside) call->end(answer_(call->request));
    return Ticket(new Handle(call));
  }

 private:
  struct Call {
    Call(const FakePipeline& p, Request r, Completion& c)
        : pipeline(p), request(std::move(r)), completion(&c) {}
    void end(Answer answer) {
      Completion* told;
      {
        std::lock_guard lock(pipeline.mutex_);
        told = std::exchange(completion, nullptr);
      }
      if (told) told->done(answer);
    }
    const FakePipeline& pipeline;
    Request request;
    Completion* completion;  // null: it has been told
  };
  class Handle final : public Ticket::Call {
   public:
    explicit Handle(std::shared_ptr<FakePipeline::Call> call) : call_(std::move(call)) {}
    ~Handle() = default;
    void cancel() override {
      {
        std::lock_guard lock(call_->pipeline.mutex_);
        std::erase(call_->pipeline.held_, call_);
        ++call_->pipeline.cancelled_;
        call_->pipeline.changed_.notify_all();
      }
      Answer answer;
      answer.status = Status(Code::kCancelled, "cancelled");
      call_->end(std::move(answer));
    }
    void drop() override { delete this; }

   private:
    std::shared_ptr<FakePipeline::Call> call_;
  };

  void answer_from_thread() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ended_ || !queue_.empty(); });
      if (ended_) return;
      std::shared_ptr<Call> call = queue_.front();
      queue_.erase(queue_.begin());
      lock.unlock();
      call->end(answer_(call->request));
      call.reset();
      lock.lock();
    }
  }

  const std::string name_ = "fake";
  const std::vector<Port> inputs_, outputs_;
  const Answerer answer_;
  const When when_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::vector<std::shared_ptr<Call>> queue_, held_;  // these are guarded by mutex_
  mutable CallOptions last_options_;
  mutable int submitted_ = 0;
  mutable int cancelled_ = 0;
  Status refusal_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace leat

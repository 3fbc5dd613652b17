#include "base/text.h"
#include "cli/bench/target.h"
#include "cli/inputs.h"

namespace leat {

namespace {

CallEnd end_of(const Status& status) {
  if (status.ok()) return {};
  return {std::string(code_name(status.code())), status.message()};
}

class Here final : public Target {
 public:
  Here(std::shared_ptr<Engine> engine, std::shared_ptr<Pipeline> pipeline,
       std::vector<std::vector<Value>> samples, Nanos timeout)
      : engine_(std::move(engine)),
        pipeline_(std::move(pipeline)),
        samples_(std::move(samples)),
        timeout_(timeout) {}

  CallEnd call(size_t i) override { return end_of(pipeline_->run(request(i)).status); }
  void start(size_t i, std::function<void(const CallEnd&)> done) override {
    pipeline_->submit(request(i),
                      [done = std::move(done)](Answer& answer) { done(end_of(answer.status)); });
  }
  std::string metrics() override { return engine_->metrics(); }
  std::string name() const override { return pipeline_->name(); }

 private:
  Request request(size_t i) const {
    Request request(*pipeline_);
    const std::vector<Value>& sample = samples_[i % samples_.size()];
    for (size_t port = 0; port < sample.size(); ++port) request.set(port, sample[port]);
    request.options.timeout = timeout_;
    return request;
  }

  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<Pipeline> pipeline_;
  const std::vector<std::vector<Value>> samples_;
  const Nanos timeout_;
};

}  // namespace

Result<std::unique_ptr<Target>> target_here(const std::string& path,
                                            const std::vector<Sample>& samples, Nanos timeout) {
  auto engine = Engine::make({});
  LEAT_ASSIGN(auto pipeline, engine->load(path));
  std::vector<std::vector<Value>> values;
  for (const Sample& sample : samples) {
    Request request(*pipeline);
    LEAT_TRY(read_inputs(*pipeline, sample, request));
    values.emplace_back(request.inputs().begin(), request.inputs().end());
  }
  return std::unique_ptr<Target>(
      std::make_unique<Here>(std::move(engine), std::move(pipeline), std::move(values), timeout));
}

}  // namespace leat

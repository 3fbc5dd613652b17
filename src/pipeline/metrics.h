// What a pipeline counts, always. Written from any thread without waiting.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "leat/pipeline.h"

namespace leat {

struct Linked;
struct Plan;

struct StepMetrics {
  Histogram wait;   // ns from ready to begun, the time in a batch's queue not counted
  Histogram batch;  // ns in the queue until the batch began
  Histogram run;    // ns of its execution (the whole batch's)
  Histogram size;   // items in the batch
  Counter failed;
  std::atomic<int64_t> usual_run{-1};  // ns, smoothed; -1: has not run yet

  // Runs that took so long lately are called short; see kShort.
  void note_run(int64_t nanos) {
    run.add(nanos);
    int64_t usual = usual_run.load(std::memory_order_relaxed);
    usual_run.store(usual < 0 ? nanos : usual + (nanos - usual) / 8, std::memory_order_relaxed);
  }
};

// Where a batch's time went.
struct BatchTimes {
  Nanos input = 0, infer = 0, output = 0;
};

// Runs of models on batches of one size. Once for each batch, so that one cache line does.
struct alignas(64) BatchRuns {
  std::atomic<uint64_t> count{0}, input{0}, infer{0}, output{0};

  void add(const BatchTimes& times) {
    count.fetch_add(1, std::memory_order_relaxed);
    input.fetch_add(static_cast<uint64_t>(times.input), std::memory_order_relaxed);
    infer.fetch_add(static_cast<uint64_t>(times.infer), std::memory_order_relaxed);
    output.fetch_add(static_cast<uint64_t>(times.output), std::memory_order_relaxed);
  }
};

// Steps up to this long run on I/O threads and callers' threads.
constexpr int64_t kShort = 100'000;

struct PipelineMetrics {
  explicit PipelineMetrics(const Plan& plan);

  Histogram seconds;  // ns of every call that succeeded
  Counter success, fail, items;
  Counter fail_nanos, queue_nanos, infer_nanos, input_nanos, output_nanos, infer_items;
  Counter refused_queue, refused_deadline, refused_limit, refused_closed;
  Counter missed_deadline, cancelled;
  std::atomic<int64_t> in_flight{0};
  std::atomic<uint64_t> last_call_unix_ms{0};
  std::vector<StepMetrics> steps;
  std::vector<BatchRuns> batches;  // by size - 1

  PipelineStats stats() const;
  // Prometheus samples of this pipeline go into the families of `out`.
  void write(class MetricsText& out, const Linked& linked) const;
};

// Bytes copied to join batches, and to gather rows.
Counter& copied_bytes();

// Prometheus text, with the samples of one family together however they come.
class MetricsText {
 public:
  // `type`: counter, gauge or histogram. labels: `pipeline="a",step="b"`, escaped by label().
  void sample(std::string_view family, std::string_view type, std::string_view help,
              const std::string& labels, double value);
  void histogram_seconds(std::string_view family, std::string_view help, const std::string& labels,
                         const Histogram::Snapshot& nanos);
  void histogram_plain(std::string_view family, std::string_view help, const std::string& labels,
                       const Histogram::Snapshot& values, std::span<const uint64_t> edges);
  static std::string label(std::string_view name, std::string_view value);
  std::string text() const;

 private:
  struct Family {
    std::string name, type, help, samples;
  };
  Family& family(std::string_view name, std::string_view type, std::string_view help);
  std::vector<Family> families_;
};

}  // namespace leat

#include "pipeline/metrics.h"

#include <cmath>

#include "base/text.h"
#include "pipeline/link.h"
#include "pipeline/runner.h"
#include "pipeline/step_process.h"

namespace leat {

Counter& copied_bytes() {
  static Counter counter;
  return counter;
}

namespace {

size_t largest_batch(const Plan& plan) {
  int64_t most = 0;
  for (const Step& step : plan.steps) {
    if (step.model) most = std::max(most, step.options.batch_max);
  }
  return static_cast<size_t>(most);
}

}  // namespace

PipelineMetrics::PipelineMetrics(const Plan& plan)
    : steps(plan.steps.size()), batches(largest_batch(plan)) {}

PipelineStats PipelineMetrics::stats() const {
  PipelineStats stats;
  Histogram::Snapshot calls = seconds.snapshot();
  stats.success = {success.total(), calls.sum};
  stats.fail = {fail.total(), fail_nanos.total()};
  uint64_t inferred = infer_items.total();
  stats.queue = {inferred, queue_nanos.total()};
  stats.compute_input = {inferred, input_nanos.total()};
  stats.compute_infer = {inferred, infer_nanos.total()};
  stats.compute_output = {inferred, output_nanos.total()};
  stats.items = items.total();
  stats.last_call_unix_ms = last_call_unix_ms.load();
  stats.in_flight = in_flight.load();
  for (size_t i = 0; i < batches.size(); ++i) {
    const BatchRuns& runs = batches[i];
    uint64_t count = runs.count.load(std::memory_order_relaxed);
    if (count == 0) continue;
    stats.executions += count;
    stats.batches.push_back({i + 1, count, runs.input.load(std::memory_order_relaxed),
                             runs.infer.load(std::memory_order_relaxed),
                             runs.output.load(std::memory_order_relaxed)});
  }
  return stats;
}

std::string MetricsText::label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

MetricsText::Family& MetricsText::family(std::string_view name, std::string_view type,
                                         std::string_view help) {
  for (Family& known : families_) {
    if (known.name == name) return known;
  }
  families_.push_back({std::string(name), std::string(type), std::string(help), ""});
  return families_.back();
}

void MetricsText::sample(std::string_view name, std::string_view type, std::string_view help,
                         const std::string& labels, double value) {
  std::string& out = family(name, type, help).samples;
  out += name;
  if (!labels.empty()) out += cat("{", labels, "}");
  // Counters of whole numbers are written as such.
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    out += cat(" ", static_cast<int64_t>(value), "\n");
  } else {
    out += cat(" ", value, "\n");
  }
}

namespace {

void write_buckets(std::string& out, std::string_view name, const std::string& labels,
                   const Histogram::Snapshot& values, std::span<const uint64_t> edges,
                   double unit) {
  std::string more = labels.empty() ? "" : labels + ",";
  for (uint64_t edge : edges) {
    out += cat(name, "_bucket{", more, "le=\"", static_cast<double>(edge) * unit, "\"} ",
               values.at_most(edge), "\n");
  }
  out += cat(name, "_bucket{", more, "le=\"+Inf\"} ", values.count, "\n");
  std::string braces = labels.empty() ? "" : cat("{", labels, "}");
  out += cat(name, "_sum", braces, " ", static_cast<double>(values.sum) * unit, "\n");
  out += cat(name, "_count", braces, " ", values.count, "\n");
}

}  // namespace

void MetricsText::histogram_seconds(std::string_view name, std::string_view help,
                                    const std::string& labels, const Histogram::Snapshot& nanos) {
  static constexpr uint64_t edges[] = {
      10'000,      25'000,      50'000,      100'000,       250'000,       500'000,
      1'000'000,   2'500'000,   5'000'000,   10'000'000,    25'000'000,    50'000'000,
      100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000};
  write_buckets(family(name, "histogram", help).samples, name, labels, nanos, edges, 1e-9);
}

void MetricsText::histogram_plain(std::string_view name, std::string_view help,
                                  const std::string& labels, const Histogram::Snapshot& values,
                                  std::span<const uint64_t> edges) {
  write_buckets(family(name, "histogram", help).samples, name, labels, values, edges, 1);
}

std::string MetricsText::text() const {
  std::string out;
  for (const Family& each : families_) {
    out += cat("# HELP ", each.name, " ", each.help, "\n# TYPE ", each.name, " ", each.type, "\n",
               each.samples);
  }
  return out;
}

namespace {

void write_workers(MetricsText& out, const std::string& labels, const WorkerPoolStats& stats) {
  uint64_t memory = 0;
  for (const WorkerStats& worker : stats.workers) memory += worker.use.anonymous;
  auto with = [&](std::string_view name, std::string_view value) {
    return cat(labels, ",", MetricsText::label(name, value));
  };
  auto seconds = [](Nanos nanos) { return static_cast<double>(nanos) * 1e-9; };
  out.sample("leat_workers", "gauge", "Processes of the step that are ready.", labels, stats.ready);
  out.sample("leat_worker_restarts_total", "counter", "Processes started in the place of others.",
             labels, static_cast<double>(stats.restarts));
  out.sample("leat_worker_memory_bytes", "gauge", "Memory of all processes of the step.", labels,
             static_cast<double>(memory));
  out.sample("leat_worker_cpu_seconds_total", "counter", "CPU time of processes of the step.",
             labels, stats.cpu_seconds);
  constexpr std::string_view kSeconds = "leat_worker_seconds_total";
  constexpr std::string_view kSecondsHelp = "Of batches: until a process had one, and then.";
  out.sample(kSeconds, "counter", kSecondsHelp, with("state", "waiting"), seconds(stats.waited));
  out.sample(kSeconds, "counter", kSecondsHelp, with("state", "running"), seconds(stats.ran));
  constexpr std::string_view kBytes = "leat_worker_bytes_total";
  constexpr std::string_view kBytesHelp = "Bytes of tensors given to processes, and had from them.";
  out.sample(kBytes, "counter", kBytesHelp, with("direction", "in"),
             static_cast<double>(stats.given));
  out.sample(kBytes, "counter", kBytesHelp, with("direction", "out"),
             static_cast<double>(stats.taken));
}

}  // namespace

void PipelineMetrics::write(MetricsText& out, const Linked& linked) const {
  const Plan& plan = *linked.plan;
  std::string name = MetricsText::label("pipeline", plan.name);
  std::string version = MetricsText::label("version", plan.version);
  std::string pipeline = cat(name, ",", version);
  out.histogram_seconds("leat_request_seconds", "Time of calls that were answered with success.",
                        pipeline, seconds.snapshot());
  auto refused = [&](std::string_view reason, uint64_t count) {
    out.sample("leat_refused_total", "counter", "Calls that were not let in, by reason.",
               cat(pipeline, ",", MetricsText::label("reason", reason)),
               static_cast<double>(count));
  };
  refused("queue_full", refused_queue.total());
  refused("deadline", refused_deadline.total());
  refused("limit", refused_limit.total());
  refused("closed", refused_closed.total());
  out.sample("leat_failed_total", "counter", "Calls that ended with an error.", pipeline,
             static_cast<double>(fail.total()));
  out.sample("leat_deadline_missed_total", "counter",
             "Calls that were let in and not answered within their deadline.", pipeline,
             static_cast<double>(missed_deadline.total()));
  out.sample("leat_cancelled_total", "counter", "Calls whose caller left.", pipeline,
             static_cast<double>(cancelled.total()));
  out.sample("leat_in_flight", "gauge", "Calls under way.", pipeline,
             static_cast<double>(in_flight.load()));
  static constexpr uint64_t sizes[] = {1, 2, 3, 4, 7, 11, 15, 31, 63, 127};
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    std::string labels =
        cat(name, ",", MetricsText::label("step", plan.steps[i].name), ",", version);
    const StepMetrics& step = steps[i];
    out.histogram_seconds("leat_step_wait_seconds", "From ready to begun or queued.", labels,
                          step.wait.snapshot());
    out.histogram_seconds("leat_step_run_seconds", "Execution; of a batch, the whole of it.",
                          labels, step.run.snapshot());
    out.sample("leat_step_failed_total", "counter", "Items on which the step failed.", labels,
               static_cast<double>(step.failed.total()));
    Runner* queued = linked.steps[i].runner.get();
    if (!queued) continue;
    out.sample("leat_queue_depth", "gauge", "Items that wait in the step's queue.", labels,
               static_cast<double>(queued->queue().waiting()));
    out.histogram_seconds("leat_step_batch_seconds", "In the queue until the batch began.", labels,
                          step.batch.snapshot());
    if (plan.steps[i].workers) write_workers(out, labels, plan.steps[i].workers->pool().stats());
    if (!plan.steps[i].model) continue;
    out.histogram_plain("leat_batch_size", "Items that ran together, counted by item.", labels,
                        step.size.snapshot(), sizes);
  }
}

}  // namespace leat

#include "cli/bench/report.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "serve/protocol/json_writer.h"

namespace leat {

namespace {

struct Quantile {
  const char* name;
  double q;
};
constexpr Quantile kQuantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

double milliseconds(Nanos nanos) { return static_cast<double>(nanos) / kMillisecond; }

// Four digits that count, no exponent.
std::string rounded(double value) {
  if (value <= 0) return "0";
  double unit = std::pow(10.0, std::floor(std::log10(value)) - 3);
  double kept = unit >= 1 ? std::round(value) : std::round(value / unit) * unit;
  std::string text = std::to_string(kept);
  size_t digits = unit >= 1 ? 0 : static_cast<size_t>(std::ceil(-std::log10(unit) - 1e-9));
  size_t point = text.find('.');
  return text.substr(0, digits == 0 ? point : std::min(text.size(), point + 1 + digits));
}

std::string right(std::string text, size_t width) {
  text.insert(0, width > text.size() ? width - text.size() : 0, ' ');
  return text;
}

std::string line(std::string name, const std::string& value) {
  name.resize(std::max<size_t>(name.size() + 1, 14), ' ');
  return cat("  ", name, value, "\n");
}

double mean_us(double seconds, double count) { return count > 0 ? seconds / count * 1e6 : 0; }

}  // namespace

bool Report::bound_held() const {
  return outcome.errors.empty() && !outcome.latencies.empty() &&
         outcome.quantile(0.99) <= latency_bound;
}

std::string Report::text() const {
  bool server = load.scenario == Load::Scenario::kServer;
  std::string out = cat(scenario, ": ", outcome.calls(), " calls in ",
                        rounded(milliseconds(outcome.took) / 1000), " s, ",
                        server ? cat(rounded(load.rate), " arrivals a second")
                               : cat(load.callers, load.callers == 1 ? " at a time" : " at once"),
                        "\n");
  out += line("throughput", cat(rounded(outcome.per_second()), " a second"));
  for (const auto& [name, q] : kQuantiles) {
    out += line(name, cat(rounded(milliseconds(outcome.quantile(q))), " ms"));
  }
  double calls = static_cast<double>(std::max<int64_t>(outcome.calls(), 1));
  if (server_cpu) out += line("CPU", cat(rounded(*server_cpu * 1000 / calls), " ms a call"));
  out += line(remote ? "client's CPU" : "CPU",
              cat(rounded(milliseconds(outcome.cpu) / calls),
                  remote ? " ms a call" : " ms a call, this benchmark's own work included"));
  for (const auto& [code, count] : outcome.errors) out += line(code, cat(count, " calls"));
  if (!outcome.first_error.empty()) out += line("such as", outcome.first_error);
  if (latency_bound > 0) {
    out += line("bound", cat("p99 within ", rounded(milliseconds(latency_bound)),
                             " ms and no errors: ", bound_held() ? "held" : "NOT held"));
  }
  if (server && outcome.late > kMillisecond) {
    out +=
        line("late", cat("calls began up to ", rounded(milliseconds(outcome.late)),
                         " ms after they should have: this machine is too busy to drive the load"));
  }
  if (steps.empty()) return out;
  out += "\n  step, mean us       ready   in queue    running   runs a call\n";
  for (const StepSums& step : steps) {
    std::string name = step.step;
    name.resize(std::max<size_t>(name.size(), 14), ' ');
    auto cell = [](double sum, double count) {
      return right(count > 0 ? rounded(mean_us(sum, count)) : "-", 11);
    };
    out += cat("  ", name, cell(step.wait, step.waits), cell(step.batch, step.batches),
               cell(step.run, step.runs), right(rounded(step.runs / calls), 14), "\n");
  }
  return out;
}

std::string Report::json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("scenario", scenario).member("callers", load.callers);
  if (load.scenario == Load::Scenario::kServer) json.key("rate").number(load.rate);
  json.member("calls", outcome.calls()).member("succeeded", outcome.latencies.size());
  json.key("seconds").number(milliseconds(outcome.took) / 1000);
  json.key("per_second").number(outcome.per_second());
  json.key("latency_ms").begin_object();
  for (const auto& [name, q] : kQuantiles) {
    json.key(name).number(milliseconds(outcome.quantile(q)));
  }
  json.end_object();
  if (server_cpu) json.key("cpu_seconds").number(*server_cpu);
  json.key(remote ? "client_cpu_seconds" : "cpu_seconds").number(milliseconds(outcome.cpu) / 1000);
  json.key("errors").begin_object();
  for (const auto& [code, count] : outcome.errors) json.member(code, count);
  json.end_object();
  if (latency_bound > 0) {
    json.key("latency_bound_ms").number(milliseconds(latency_bound));
    json.member("bound_held", bound_held());
  }
  json.key("steps").begin_array();
  for (const StepSums& step : steps) {
    json.begin_object().member("step", step.step);
    json.key("runs").number(step.runs);
    json.key("wait_us").number(mean_us(step.wait, step.waits));
    json.key("batch_us").number(mean_us(step.batch, step.batches));
    json.key("run_us").number(mean_us(step.run, step.runs));
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace leat

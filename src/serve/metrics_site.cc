#include "serve/metrics_site.h"

#include "base/cpu.h"
#include "base/text.h"
#include "serve/status_codes.h"

namespace leat {

namespace {

class Visit final : public Service {
 public:
  explicit Visit(const MetricsSite& site) : site_(site) {}
  void on_head(Exchange& exchange) override {
    if (exchange.head.path != "/metrics") {
      return exchange.fail(Status(Code::kNotFound, cat("there is nothing at ", exchange.head.path,
                                                       "; this port has /metrics")));
    }
    if (exchange.head.method != Method::kGet && exchange.head.method != Method::kHead) {
      exchange.reply_fields += "Allow: GET\r\n";
      return exchange.fail(kMethodNotAllowed, Status(Code::kBadInput, "/metrics takes GET"));
    }
    exchange.reply.text() += site_.text();
    exchange.answer(200, "text/plain; version=0.0.4; charset=utf-8");
  }
  void on_body(Exchange&) override {}
  void on_answer(Exchange&, Answer&) override {}
  void on_end(Exchange&, size_t) override {}

 private:
  const MetricsSite& site_;
};

// A label's value, escaped.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(name) {
    out_ += cat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  template <typename T>
  void value(std::string_view labels, T number) {
    out_ += name_;
    if (!labels.empty()) out_ += cat("{", labels, "}");
    out_ += cat(" ", number, "\n");
  }

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace

std::unique_ptr<Service> MetricsSite::connect() { return std::make_unique<Visit>(*this); }

std::string MetricsSite::text() const {
  std::string out;
  if (engine_) out = engine_->metrics();
  auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };

  Family(out, "leat_http_connections", "gauge", "Open connections.")
      .value("", read(counters_.open));
  Family(out, "leat_http_connections_total", "counter", "Connections accepted.")
      .value("", read(counters_.accepted));
  Family answers(out, "leat_http_answers_total", "counter", "Answers by HTTP status.");
  for (size_t i = 0; i < HttpCounters::kStatuses.size(); ++i) {
    int status = HttpCounters::kStatuses[i];
    answers.value(status ? cat("status=\"", status, "\"") : "status=\"other\"",
                  read(counters_.answers[i]));
  }
  Family(out, "leat_http_received_bytes_total", "counter", "Bytes read from clients.")
      .value("", read(counters_.received_bytes));
  Family(out, "leat_http_sent_bytes_total", "counter", "Bytes of answers.")
      .value("", read(counters_.sent_bytes));
  Family(out, "leat_http_body_bytes", "gauge", "Memory that bodies under way hold.")
      .value("", read(counters_.body_bytes));
  Family refused(out, "leat_http_refused_total", "counter",
                 "Requests and connections refused or ended at the door, by reason.");
  refused.value("reason=\"connections\"", read(counters_.too_many_connections));
  refused.value("reason=\"bytes_in_flight\"", read(counters_.too_many_bytes));
  refused.value("reason=\"admission\"", read(counters_.admission));
  refused.value("reason=\"stopping\"", read(counters_.stopping));
  refused.value("reason=\"too_slow\"", read(counters_.too_slow));
  refused.value("reason=\"client_left\"", read(counters_.client_left));

  Family(out, "process_cpu_seconds_total", "counter", "CPU time of all threads of the process.")
      .value("", static_cast<double>(process_cpu_nanos()) / 1e9);

  struct Row {
    std::string labels;
    PipelineStats stats;
  };
  std::vector<Row> rows;
  for (const auto& served : catalogue_.all()) {
    if (!served->pipeline) continue;
    rows.push_back({cat("model=", quoted(served->name), ",version=", quoted(served->version)),
                    served->pipeline->stats()});
  }
  auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                    auto value) {
    Family one(out, name, type, help);
    for (const Row& row : rows) one.value(row.labels, value(row.stats));
  };
  using Stats = PipelineStats;
  family("nv_inference_request_success", "counter", "Calls that succeeded.",
         [](const Stats& s) { return s.success.count; });
  family("nv_inference_request_failure", "counter", "Calls that failed.",
         [](const Stats& s) { return s.fail.count; });
  family("nv_inference_count", "counter", "Items answered.",
         [](const Stats& s) { return s.items; });
  family("nv_inference_exec_count", "counter", "Model runs.",
         [](const Stats& s) { return s.executions; });
  family("nv_inference_request_duration_us", "counter", "Microseconds of all successful calls.",
         [](const Stats& s) { return s.success.nanos / 1000; });
  family("nv_inference_queue_duration_us", "counter", "Microseconds spent waiting.",
         [](const Stats& s) { return s.queue.nanos / 1000; });
  family("nv_inference_compute_input_duration_us", "counter", "Microseconds of preparation.",
         [](const Stats& s) { return s.compute_input.nanos / 1000; });
  family("nv_inference_compute_infer_duration_us", "counter", "Microseconds of model runs.",
         [](const Stats& s) { return s.compute_infer.nanos / 1000; });
  family("nv_inference_compute_output_duration_us", "counter", "Microseconds of post-processing.",
         [](const Stats& s) { return s.compute_output.nanos / 1000; });
  family("nv_inference_pending_request_count", "gauge", "Calls under way.",
         [](const Stats& s) { return s.in_flight; });
  return out;
}

}  // namespace leat

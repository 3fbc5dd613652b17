#include "serve/api.h"

#include <charconv>

#include "base/clock.h"
#include "base/text.h"
#include "pipeline/format.h"
#include "serve/page.h"
#include "serve/protocol/infer_reply.h"
#include "serve/protocol/infer_request.h"
#include "serve/protocol/json_writer.h"
#include "serve/protocol/metadata.h"
#include "serve/protocol/run_reply.h"
#include "serve/protocol/run_request.h"
#include "serve/status_codes.h"

namespace leat {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kBinary = "application/octet-stream";

enum class Verb : uint8_t {
  kPage,
  kServer,
  kLive,
  kReady,
  kIndex,
  kStatsOfAll,
  kModel,
  kModelReady,
  kConfig,
  kStats,
  kInfer,
  kRun,
  kNotBuilt,
  kUnknown,
};

struct Route {
  Verb verb = Verb::kUnknown;
  std::string_view model;  // not decoded
  std::string_view version;
};

// Takes the first segment off `path`.
std::string_view segment(std::string_view& path) {
  size_t slash = path.find('/');
  std::string_view first = path.substr(0, slash);
  path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  return first;
}

Route route_of(std::string_view path) {
  Route route;
  if (path == "/") return {Verb::kPage, {}, {}};
  if (path.starts_with('/')) path.remove_prefix(1);
  std::string_view first = segment(path);
  bool run = first == "run";
  if (!run && first != "v2") return route;
  if (!run) {
    if (path.empty()) return {Verb::kServer, {}, {}};
    std::string_view second = segment(path);
    if (second == "health") {
      if (path == "live") route.verb = Verb::kLive;
      if (path == "ready") route.verb = Verb::kReady;
      return route;
    }
    if (second == "repository") {
      route.verb = path == "index" || path.ends_with("/index")            ? Verb::kIndex
                   : path.ends_with("/load") || path.ends_with("/unload") ? Verb::kNotBuilt
                                                                          : Verb::kUnknown;
      return route;
    }
    if (second == "systemsharedmemory" || second == "cudasharedmemory" || second == "trace" ||
        second == "logging") {
      return {Verb::kNotBuilt, {}, {}};
    }
    if (second != "models") return route;
    if (path == "stats") return {Verb::kStatsOfAll, {}, {}};
  }
  route.model = segment(path);
  if (route.model.empty()) return route;
  if (path.starts_with("versions/")) {
    segment(path);
    route.version = segment(path);
    if (route.version.empty()) return route;
  }
  if (run) {
    if (path.empty()) route.verb = Verb::kRun;
    return route;
  }
  route.verb = path.empty()       ? Verb::kModel
               : path == "ready"  ? Verb::kModelReady
               : path == "infer"  ? Verb::kInfer
               : path == "config" ? Verb::kConfig
               : path == "stats"  ? Verb::kStats
               : path == "generate" || path == "generate_stream" || path == "trace/setting"
                   ? Verb::kNotBuilt
                   : Verb::kUnknown;
  return route;
}

bool wants_post(Verb verb) {
  return verb == Verb::kIndex || verb == Verb::kInfer || verb == Verb::kRun;
}

// One for each I/O thread: documents are read one at a time.
JsonDocument& document() {
  thread_local JsonDocument one;
  return one;
}

}  // namespace

class Api::Visit final : public Service {
 public:
  explicit Visit(const Api& api) : api_(api) {}

  void on_head(Exchange& exchange) override {
    const RequestHead& head = exchange.head;
    Route route = route_of(head.path);
    verb_ = route.verb;
    if (verb_ == Verb::kUnknown) {
      return exchange.fail(Status(Code::kNotFound, cat("there is nothing at ", head.path)));
    }
    if (verb_ == Verb::kNotBuilt) {
      return exchange.fail(Status(Code::kUnsupported, cat(head.path, " is not in this build")));
    }
    bool fits = wants_post(verb_) ? head.method == Method::kPost
                                  : head.method == Method::kGet || head.method == Method::kHead;
    if (!fits) {
      std::string_view allowed = wants_post(verb_) ? "POST" : "GET";
      exchange.reply_fields += cat("Allow: ", allowed, "\r\n");
      return exchange.fail(
          kMethodNotAllowed,
          Status(Code::kBadInput, cat(head.path, " takes ", allowed, ", not ", head.verb)));
    }
    if (route.model.empty()) return answer_for_server(exchange);
    auto served =
        route.model.find('%') == route.model.npos && route.version.find('%') == route.version.npos
            ? api_.catalogue_.find(route.model, route.version)
            : api_.catalogue_.find(percent_decoded(route.model), percent_decoded(route.version));
    if (!served.ok()) return exchange.fail(served.status());
    served_ = *std::move(served);
    if (verb_ == Verb::kInfer || verb_ == Verb::kRun) return let_in(exchange);
    answer_for_model(exchange);
  }

  void on_body(Exchange& exchange) override {
    const Pipeline& pipeline = *served_->pipeline;
    Request request(pipeline);
    request.options = options_;
    auto most_json = static_cast<size_t>(api_.options_.json_bytes);
    Status status = verb_ == Verb::kInfer
                        ? parse_infer(pipeline, exchange.body, json_size_, most_json, document(),
                                      request, infer_)
                        : parse_run(pipeline, exchange.body, exchange.head[Field::kContentType],
                                    most_json, document(), request);
    document().shrink();
    if (!status.ok()) return exchange.fail(status);
    const std::vector<Port>& ports = pipeline.inputs();
    for (size_t i = 0; i < ports.size(); ++i) {
      if (!ports[i].optional && !request.inputs()[i].present()) {
        return exchange.fail(Status(Code::kBadInput, cat("input \"", ports[i].name, "\", ",
                                                         ports[i].type.text(), ", is missing")));
      }
    }
    exchange.submit(served_->pipeline, std::move(request), true);
  }

  void on_answer(Exchange& exchange, Answer& answer) override {
    if (!answer.status.ok()) return exchange.fail(answer.status);
    const Pipeline& pipeline = *served_->pipeline;
    if (verb_ == Verb::kRun) {
      std::string_view type =
          write_picture(pipeline, answer, exchange.head[Field::kAccept], exchange.reply);
      if (type.empty()) {
        write_run(pipeline, answer, options_.trace, exchange.reply);
        type = kJson;
      }
      return exchange.answer(200, type);
    }
    size_t json_size = 0;
    if (Status status = write_infer(pipeline, served_->name, served_->version, infer_, answer,
                                    exchange.reply, json_size);
        !status.ok()) {
      return exchange.fail(status);
    }
    if (json_size > 0) {
      exchange.reply_fields += "Inference-Header-Content-Length: ";
      append_to(exchange.reply_fields, json_size);
      exchange.reply_fields += "\r\n";
    }
    exchange.answer(200, json_size > 0 ? kBinary : kJson);
  }

  void on_end(Exchange& exchange, size_t bytes) override {
    if (api_.log_) api_.log_->write(exchange, api_.clock_.now() - exchange.began, bytes);
    served_.reset();
    infer_.clear();
    options_ = {};
    json_size_.reset();
  }

 private:
  // Before the body is read: is the call possible at all?
  void let_in(Exchange& exchange) {
    const RequestHead& head = exchange.head;
    if (std::string_view text = head.parameter("timeout"); !text.empty()) {
      auto nanos = parse_duration(text);
      if (!nanos.ok()) {
        return exchange.fail(nanos.status().within(cat("timeout is \"", text, "\"")));
      }
      options_.timeout = *nanos;
    }
    if (std::string_view text = head.parameter("priority"); !text.empty()) {
      auto [end, error] =
          std::from_chars(text.data(), text.data() + text.size(), options_.priority);
      if (error != std::errc() || end != text.data() + text.size()) {
        return exchange.fail(Status(Code::kBadInput, cat("priority is \"", text,
                                                         "\"; allowed: a whole number, 1 is the "
                                                         "highest and 0 the default")));
      }
    }
    if (const std::string& text = head[Field::kTrace]; !text.empty() && text != "0") {
      options_.trace = true;
    }
    size_t aligned = 0;
    if (const std::string& text = head[Field::kTensorHeader];
        verb_ == Verb::kInfer && !text.empty()) {
      size_t size = 0;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
      if (error != std::errc() || end != text.data() + text.size()) {
        return exchange.fail(
            Status(Code::kBadInput, cat("Inference-Header-Content-Length is \"", text,
                                        "\"; allowed: a whole number of bytes")));
      }
      json_size_ = aligned = size;
    }
    if (Status status = served_->pipeline->admit(options_); !status.ok()) {
      api_.counters_.admission.fetch_add(1, std::memory_order_relaxed);
      return exchange.fail(status);
    }
    exchange.want_body(SIZE_MAX, aligned);
  }

  void answer_for_server(Exchange& exchange) {
    std::string& out = exchange.reply.text();
    switch (verb_) {
      case Verb::kPage:
        exchange.reply.borrow(kPage);
        return exchange.answer(200, "text/html; charset=utf-8");
      case Verb::kReady:
        if (!api_.catalogue_.ready()) {
          return exchange.fail(Status(Code::kUnavailable, not_ready()));
        }
        break;
      case Verb::kServer:
        write_server_metadata(out);
        break;
      case Verb::kStatsOfAll:
        write_all_stats({}, {}, out);
        break;
      case Verb::kIndex:
        write_index(out);
        break;
      default:
        break;
    }
    exchange.answer(200, kJson);
  }

  void answer_for_model(Exchange& exchange) {
    std::string& out = exchange.reply.text();
    const Pipeline& pipeline = *served_->pipeline;
    switch (verb_) {
      case Verb::kModel:
        write_model_metadata(served_->name, api_.catalogue_.versions(served_->name), pipeline, out);
        break;
      case Verb::kConfig:
        write_model_config(served_->name, pipeline, out);
        break;
      case Verb::kStats:
        write_all_stats(served_->name,
                        exchange.head.path.find("/versions/") == std::string::npos
                            ? std::string_view()
                            : std::string_view(served_->version),
                        out);
        break;
      default:
        break;  // kModelReady: found, so it is ready
    }
    exchange.answer(200, kJson);
  }

  // Of one name and version, where they are given.
  void write_all_stats(std::string_view name, std::string_view version, std::string& out) const {
    std::vector<ServedStats> stats;
    auto all = api_.catalogue_.all();
    for (const auto& served : all) {
      if (!served->pipeline || (!name.empty() && served->name != name) ||
          (!version.empty() && served->version != version)) {
        continue;
      }
      stats.push_back({served->name, served->version, served->pipeline->stats()});
    }
    write_statistics(stats, out);
  }

  void write_index(std::string& out) const {
    JsonWriter json(out);
    json.begin_array();
    for (const auto& served : api_.catalogue_.all()) {
      json.begin_object().member("name", served->name).member("version", served->version);
      json.member("state", state_name(served->state)).member("reason", served->reason);
      json.end_object();
    }
    json.end_array();
  }

  std::string not_ready() const {
    for (const auto& served : api_.catalogue_.all()) {
      if (served->state == Served::State::kReady) continue;
      return cat("model \"", served->name, "\" version ", served->version, " is ",
                 state_name(served->state), served->reason.empty() ? "" : ": ", served->reason);
    }
    return "models are still being loaded";
  }

  const Api& api_;
  Verb verb_ = Verb::kUnknown;
  std::shared_ptr<const Served> served_;
  CallOptions options_;
  std::optional<size_t> json_size_;
  InferRequest infer_;
};

Api::Api(const Catalogue& catalogue, const ServerOptions& options, HttpCounters& counters,
         AccessLog* log)
    : catalogue_(catalogue),
      options_(options),
      counters_(counters),
      log_(log),
      clock_(options.clock ? *options.clock : SteadyClock::instance()) {}

std::unique_ptr<Service> Api::connect() { return std::make_unique<Visit>(*this); }

}  // namespace leat

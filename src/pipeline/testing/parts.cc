#include "pipeline/testing/parts.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>

#include "base/text.h"
#include "leat/op.h"
#include "model/fake_model.h"

namespace leat::toy {

namespace {

constexpr int64_t kModulus = 997;
constexpr auto kInt = DType::kInt64;

Outcome gives(Plain a) { return {.outputs = {std::move(a)}}; }
Outcome gives(Plain a, Plain b) { return {.outputs = {std::move(a), std::move(b)}}; }
Outcome fails(Code code, std::string why) { return {.code = code, .why = std::move(why)}; }

template <typename F>
Plain each(const Plain& x, F f) {
  Plain out = x;
  for (int64_t& number : out.numbers) number = f(number) % kModulus;
  return out;
}

// ----- operators

Outcome add(const Given& in, int64_t n) {
  return gives(Plain::scalar((in[0][0].one() + n * in[1][0].one()) % kModulus));
}
Outcome negate(const Given& in, int64_t) {
  return gives(each(in[0][0], [](int64_t x) { return -x; }));
}
// Several values from one: the list of a loop.
Outcome count_up(const Given& in, int64_t n) {
  int64_t from = in[0][0].one();
  std::vector<int64_t> out;
  for (int64_t i = 0; i < std::abs(from) % (n + 1); ++i) out.push_back((from + i) % kModulus);
  return gives(Plain::list(out));
}
Outcome pairs(const Given& in, int64_t n) {
  int64_t from = in[0][0].one();
  Plain out = Plain::list({});
  out.dims = {std::abs(from) % (n + 1), 2};
  for (int64_t i = 0; i < out.dims[0]; ++i) {
    out.numbers.push_back((from + i) % kModulus);
    out.numbers.push_back(i);
  }
  return gives(out);
}
Outcome fold(const Given& in, int64_t n) {
  int64_t sum = 31 * in[0][0].dims[0];
  for (int64_t x : in[0][0].numbers) sum = (sum * n + x) % kModulus;
  return gives(Plain::scalar(sum));
}
Outcome shift(const Given& in, int64_t n) {
  return gives(each(in[0][0], [&](int64_t x) { return x + n; }));
}
Outcome concat(const Given& in, int64_t) {
  std::vector<int64_t> out;
  for (const Plain& xs : in[0]) out.insert(out.end(), xs.numbers.begin(), xs.numbers.end());
  return gives(Plain::list(out));
}
Outcome count(const Given& in, int64_t n) {
  return gives(Plain::scalar(static_cast<int64_t>(in[0].size()) * n));
}
Outcome fail_if(const Given& in, int64_t n) {
  constexpr Code kCodes[] = {Code::kBadInput, Code::kStepFailed, Code::kBadMedia,  Code::kInternal,
                             Code::kTooLarge, Code::kNotFound,   Code::kOverloaded};
  int64_t x = in[0][0].one();
  if (std::abs(x) % (n + 2) == 1) {
    return fails(kCodes[std::abs(x) % 7], cat("the value ", x, " is refused"));
  }
  return gives(in[0][0]);
}
Outcome some(const Given& in, int64_t n) {
  int64_t x = in[0][0].one();
  return gives(std::abs(x) % (n + 1) == 0 ? Plain() : Plain::scalar(x + 1),
               std::abs(x) % 3 == 0 ? Plain() : Plain::scalar(2 * x % kModulus));
}
Outcome to_text(const Given& in, int64_t) {
  Plain out = in[0][0];
  out.dtype = DType::kBytes;
  return gives(out);
}
Outcome to_number(const Given& in, int64_t) {
  Plain out = in[0][0];
  out.dtype = kInt;
  return gives(out);
}
Outcome to_float(const Given& in, int64_t) {
  Plain out = in[0][0];
  out.dtype = DType::kFp32;
  return gives(out);
}
Outcome pair(const Given& in, int64_t) {
  return gives(Plain::list({in[0][0].one(), in[1][0].one()}));
}
Outcome unpair(const Given& in, int64_t) {
  return gives(Plain::scalar(in[0][0].numbers[0]), Plain::scalar(in[0][0].numbers[1]));
}
Outcome split(const Given& in, int64_t n) {
  const std::vector<int64_t>& all = in[0][0].numbers;
  auto size = static_cast<int64_t>(all.size());
  int64_t at = std::min(n, size);
  Outcome out = gives(Plain::list({all.begin(), all.begin() + at}),
                      Plain::list({all.begin() + at, all.end()}));
  out.views = {{0, at}, {at, size}};
  return out;
}
Outcome flatten(const Given& in, int64_t) { return gives(Plain::list(in[0][0].numbers)); }
Outcome with_default(const Given& in, int64_t n) {
  return gives(Plain::scalar(((in[0].empty() ? n : in[0][0].one()) + in[1][0].one()) % kModulus));
}

// ----- models

Outcome linear(const Given& in, int64_t n) {
  return gives(each(in[0][0], [&](int64_t x) { return 3 * x + n; }));
}
Outcome plus_minus(const Given& in, int64_t) {
  int64_t a = in[0][0].one(), b = in[1][0].one();
  return gives(Plain::scalar((a + b) % kModulus), Plain::scalar((a - b) % kModulus));
}
Outcome picky(const Given& in, int64_t n) {
  int64_t x = in[0][0].one();
  if (std::abs(x) % (n + 3) == 2) {
    return fails(n % 2 ? Code::kStepFailed : Code::kBadInput, cat("the model refuses ", x));
  }
  return gives(Plain::scalar((x + 5) % kModulus));
}
Outcome times(const Given& in, int64_t) {
  return gives(Plain::scalar(in[0][0].one() * in[1][0].one() % kModulus));
}
Outcome masked_sum(const Given& in, int64_t) {
  int64_t sum = 0, length = in[1][0].one();
  for (int64_t i = 0; i < length; ++i) sum += in[0][0].numbers[static_cast<size_t>(i)];
  return gives(Plain::scalar(sum % kModulus));
}
Outcome every_second(const Given& in, int64_t) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < in[0][0].numbers.size(); i += 2) {
    out.push_back((in[0][0].numbers[i] + 1) % kModulus);
  }
  return gives(Plain::list(out));
}

const PartPort x{.name = "x"}, y{.name = "y"}, z{.name = "z"};
const PartPort xs{.name = "xs", .dims = {-1}}, ys{.name = "ys", .dims = {-1}};
const PartPort zs{.name = "zs", .dims = {-1}};
const PartPort text{.name = "t", .dtype = DType::kBytes};
const PartPort texts{.name = "ts", .dtype = DType::kBytes, .dims = {-1}};
const PartPort real{.name = "f", .dtype = DType::kFp32};
const PartPort reals{.name = "fs", .dtype = DType::kFp32, .dims = {-1}};
const PartPort couple{.name = "pair", .dims = {2}};
const PartPort couples{.name = "pairs", .dims = {-1, 2}};
const PartPort matrix{.name = "m", .dims = {-1, -1}};

PartPort many(PartPort port) {
  port.many = true;
  return port;
}
PartPort optional(PartPort port) {
  port.optional = true;
  return port;
}

}  // namespace

const std::vector<Part>& parts() {
  static const std::vector<Part> all = {
      {"add", {x, y}, {z}, add},
      {"negate", {x}, {y}, negate},
      {"count_up", {x}, {xs}, count_up},
      {"pairs", {x}, {couples}, pairs},
      {"fold", {xs}, {y}, fold},
      {"shift", {xs}, {ys}, shift},
      {"concat", {many(xs)}, {ys}, concat},
      {"count", {many({.name = "any", .any = true})}, {y}, count},
      {"fail_if", {x}, {y}, fail_if},
      {"some", {x}, {y, z}, some},
      {"to_text", {x}, {text}, to_text},
      {"to_texts", {xs}, {texts}, to_text},
      {"to_number", {text}, {x}, to_number},
      {"to_numbers", {texts}, {xs}, to_number},
      {"to_float", {x}, {real}, to_float},
      {"to_floats", {xs}, {reals}, to_float},
      {"from_float", {real}, {x}, to_number},
      {"pair", {x, y}, {couple}, pair},
      {"unpair", {couple}, {x, y}, unpair},
      {"split", {xs}, {ys, zs}, split},
      {"flatten", {matrix}, {xs}, flatten},
      {"with_default", {optional(x), y}, {z}, with_default},
      {.name = "linear",
       .inputs = {x},
       .outputs = {y},
       .run = linear,
       .model = true,
       .model_inputs = {"INT64[n]"},
       .model_outputs = {"INT64[n]"}},
      {.name = "linears",
       .inputs = {xs},
       .outputs = {ys},
       .run = linear,
       .model = true,
       .model_inputs = {"INT64[n,t]"},
       .model_outputs = {"INT64[n,u]"}},
      {.name = "padded",
       .inputs = {xs},
       .outputs = {ys},
       .run = linear,
       .model = true,
       .model_inputs = {"INT64[n,t]"},
       .model_outputs = {"INT64[n,u]"},
       .pad_port = 0,
       .trim_port = 0},
      {.name = "halved",
       .inputs = {xs},
       .outputs = {ys},
       .run = every_second,
       .model = true,
       .model_inputs = {"INT64[n,t]"},
       .model_outputs = {"INT64[n,u]"},
       .pad_port = 0,
       .trim_port = 0,
       .trim_scale = 0.5},
      {.name = "masked",
       .inputs = {xs, x},
       .outputs = {y},
       .run = masked_sum,
       .model = true,
       .model_inputs = {"INT64[n,t]", "INT64[n]"},
       .model_outputs = {"INT64[n]"},
       .pad_port = 0,
       .lengths_port = 1},
      {.name = "plus_minus",
       .inputs = {x, y},
       .outputs = {z, {.name = "d"}},
       .run = plus_minus,
       .model = true,
       .model_inputs = {"INT64[n]", "INT64[n]"},
       .model_outputs = {"INT64[n]", "INT64[n]"}},
      {.name = "picky",
       .inputs = {x},
       .outputs = {y},
       .run = picky,
       .model = true,
       .model_inputs = {"INT64[n]"},
       .model_outputs = {"INT64[n]"}},
      {.name = "times",
       .inputs = {x, y},
       .outputs = {z},
       .run = times,
       .model = true,
       .model_inputs = {"INT64[n]", "INT64"},
       .model_outputs = {"INT64[n]"}},
      {.name = "single",
       .inputs = {x},
       .outputs = {y},
       .run = linear,
       .model = true,
       .model_inputs = {"INT64[1]"},
       .model_outputs = {"INT64[1]"},
       .one_by_one = true},
      {.name = "columns",
       .inputs = {couple},
       .outputs = {{.name = "y", .dims = {2}}},
       .run = linear,
       .model = true,
       .model_inputs = {"INT64[2,n]"},
       .model_outputs = {"INT64[2,n]"},
       .axis = 1},
      {.name = "words",
       .inputs = {text},
       .outputs = {{.name = "u", .dtype = DType::kBytes}},
       .run = linear,
       .model = true,
       .model_inputs = {"BYTES[n]"},
       .model_outputs = {"BYTES[n]"}},
      {.name = "floats",
       .inputs = {reals},
       .outputs = {{.name = "gs", .dtype = DType::kFp32, .dims = {-1}}},
       .run = linear,
       .model = true,
       .model_inputs = {"FP32[n,t]"},
       .model_outputs = {"FP32[n,u]"}},
  };
  return all;
}

// ----- as the engine has them

namespace {

class ToyOp final : public Op {
 public:
  ToyOp(const Part& part, int64_t n) : part_(part), n_(n) {}

  Status run(OpCall& call) const override {
    Given given(part_.inputs.size());
    for (size_t port = 0; port < given.size(); ++port) {
      if (part_.inputs[port].optional && !call.has(port)) continue;
      for (size_t k = 0; k < call.count(port); ++k) {
        given[port].push_back(part_.inputs[port].any ? Plain() : plain_of(call.input(port, k)));
      }
    }
    if (n_ == 3) {
      for (int i = 0; i < 10 && !call.abandoned(); ++i) std::this_thread::yield();
    }
    Outcome outcome = part_.run(given, n_);
    if (outcome.code != Code::kOk) return Status(outcome.code, outcome.why);
    for (size_t port = 0; port < outcome.outputs.size(); ++port) {
      const Plain& out = outcome.outputs[port];
      if (!out.present()) continue;
      if (!outcome.views.empty()) {
        auto [begin, end] = outcome.views[port];
        call.give(port, call.input(0).rows(begin, end));
      } else if (out.dtype == DType::kBytes || n_ == 2) {
        call.give(port, tensor_of(out));
      } else {
        LEAT_ASSIGN(Tensor * tensor, call.output(port, out.dtype, Shape(out.dims)));
        write(out, *tensor);
      }
    }
    return {};
  }

 private:
  const Part& part_;
  const int64_t n_;
};

std::string type_text(const PartPort& port) {
  if (port.any) return "ANY[...]";
  std::string out(dtype_name(port.dtype));
  for (size_t i = 0; i < port.dims.size(); ++i) {
    out += i == 0 ? "[" : ",";
    out += port.dims[i] < 0 ? "?" : cat(port.dims[i]);
  }
  return port.dims.empty() ? out : out + "]";
}

// An OpSpec's make() is a plain function and knows no name: each operator has one of its own.
template <size_t index>
Result<std::unique_ptr<Op>> make(OpSetup& setup) {
  return std::make_unique<ToyOp>(parts()[index], setup.params.integer("n"));
}

template <size_t... index>
bool add_all(std::index_sequence<index...>) {
  using Make = Result<std::unique_ptr<Op>> (*)(OpSetup&);
  constexpr Make kMakes[] = {make<index>...};
  for (size_t i = 0; i < parts().size() && i < sizeof...(index); ++i) {
    const Part& part = parts()[i];
    if (part.model) continue;
    OpSpec spec;
    spec.name = cat("toy.", part.name);
    spec.doc = "Of tests.";
    for (const PartPort& port : part.inputs) {
      spec.inputs.push_back({port.name, type_text(port), "a value", port.optional, port.many});
    }
    for (const PartPort& port : part.outputs) {
      spec.outputs.push_back({port.name, type_text(port), "a value"});
    }
    spec.params = {{.name = "n", .type = ParamType::kInt, .fallback = int64_t{1}, .doc = "number"}};
    spec.make = kMakes[i];
    OpCatalogue::add(std::move(spec));
  }
  return true;
}
[[maybe_unused]] const bool added = add_all(std::make_index_sequence<40>());

// Item `i` of `count` of a batch.
Plain item_of(const Plain& batch, int axis, int64_t i) {
  if (axis < 0) return batch;
  if (axis == 0) return batch.row(i);
  Plain out = batch;  // [before, count]: the only other layout there is
  out.dims.pop_back();
  out.numbers.clear();
  for (int64_t outer = 0; outer < batch.dims[0]; ++outer) {
    out.numbers.push_back(batch.numbers[static_cast<size_t>(outer * batch.dims[1] + i)]);
  }
  return out;
}

Plain batch_of(const std::vector<Plain>& items, int axis) {
  if (axis == 0) return stacked(items, DType::kInt64, {});
  Plain out = items[0];
  out.dims.push_back(static_cast<int64_t>(items.size()));
  out.numbers.clear();
  for (size_t outer = 0; outer < items[0].numbers.size(); ++outer) {
    for (const Plain& item : items) out.numbers.push_back(item.numbers[outer]);
  }
  return out;
}

Status run_model(const Part& part, int64_t n, ManualClock* clock, std::span<const Tensor> inputs,
                 std::span<Tensor> outputs, RunStop* stop) {
  if (clock) clock->advance(n * 20 * kMicrosecond);
  for (int i = 0; i < 10 * n; ++i) {
    if (stop && stop->requested()) return Status(Code::kCancelled, "stopped");
    if (!clock) std::this_thread::yield();
  }
  std::vector<Plain> batches;
  int64_t count = 1;
  for (size_t port = 0; port < inputs.size(); ++port) {
    batches.push_back(plain_of(inputs[port]));
    if (part.model_inputs[port] != "INT64") {
      count = batches.back().dims[static_cast<size_t>(part.axis)];
    }
  }
  std::vector<std::vector<Plain>> items(outputs.size());
  for (int64_t i = 0; i < count; ++i) {
    Given given;
    for (size_t port = 0; port < batches.size(); ++port) {
      bool whole = part.model_inputs[port] == "INT64";
      given.push_back({item_of(batches[port], whole ? -1 : part.axis, i)});
    }
    Outcome outcome = part.run(given, n);
    if (outcome.code != Code::kOk) return Status(outcome.code, outcome.why);
    for (size_t port = 0; port < outputs.size(); ++port) {
      items[port].push_back(outcome.outputs[port]);
    }
  }
  for (size_t port = 0; port < outputs.size(); ++port) {
    outputs[port] = tensor_of(batch_of(items[port], part.axis));
  }
  return {};
}

class ToyModels final : public ModelSource {
 public:
  explicit ToyModels(ManualClock* clock) : clock_(clock) {}

  Result<std::shared_ptr<Model>> get(const std::string& path, const ModelOptions&) override {
    std::shared_ptr<Model>& known = models_[path];
    if (known) return known;
    std::string name = path.substr(path.rfind('/') + 1);
    int64_t n = std::stoll(name.substr(name.find('-') + 1));
    name = name.substr(0, name.find('-'));
    for (const Part& part : parts()) {
      if (!part.model || part.name != name) continue;
      std::vector<FakeModel::Port> inputs, outputs;
      for (size_t i = 0; i < part.inputs.size(); ++i) {
        inputs.push_back({part.inputs[i].name, part.model_inputs[i]});
      }
      for (size_t i = 0; i < part.outputs.size(); ++i) {
        outputs.push_back({part.outputs[i].name, part.model_outputs[i]});
      }
      known = std::make_shared<FakeModel>(
          inputs, outputs,
          [&part, n, clock = clock_](std::span<const Tensor> in, std::span<Tensor> out,
                                     RunStop* stop) {
            return run_model(part, n, clock, in, out, stop);
          });
      return known;
    }
    return Status(Code::kNotFound, cat("no model ", name));
  }

 private:
  ManualClock* const clock_;
  std::map<std::string, std::shared_ptr<Model>> models_;
};

}  // namespace

std::shared_ptr<ModelSource> toy_models(ManualClock* clock) {
  return std::make_shared<ToyModels>(clock);
}

}  // namespace leat::toy

// An operator of a plug-in, as the rest of the program sees it. What it gives is checked before
// anybody relies on it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "plugin/few.h"
#include "plugin/plugin.h"
#include "plugin/translate.h"

namespace leat {

namespace {

constexpr std::string_view kSilent = "the plug-in does not say why";

// A run as the plug-in sees it, for the time of one call of leat_op.run.
class Lent {
 public:
  Lent(OpCall& call, const OpSpec& spec) : call_(call), made_(spec.outputs.size()) {
    for (Tensor*& tensor : made_) tensor = nullptr;
  }

  OpCall& call() { return call_; }
  Tensor* made(size_t port) { return made_[port]; }
  void lend(leat_call& c) { c_ = &c; }

  static int32_t output(void* context, uint32_t port, uint32_t dtype, uint32_t rank,
                        const int64_t* dims, const leat_error* error) {
    auto& self = *static_cast<Lent*>(context);
    return tell(self.make(port, dtype, rank, dims), error);
  }

  static int32_t abandoned(void* context) {
    return static_cast<Lent*>(context)->call_.abandoned() ? 1 : 0;
  }

 private:
  Status make(uint32_t port, uint32_t dtype, uint32_t rank, const int64_t* dims) {
    if (port >= made_.size()) {
      return Status(Code::kInternal, cat("output(): there is no output port ", port));
    }
    if (dtype >= kDTypes || rank > Shape::kMaxRank) {
      return Status(Code::kInternal, cat("output(): element type ", dtype, " of rank ", rank));
    }
    const auto type = static_cast<DType>(dtype);
    const Shape shape(std::span<const int64_t>(dims, rank));
    if (type == DType::kBytes && rank > 0) {
      return Status(Code::kInternal, cat("output(): BYTES", shape.text(), " is made by give()"));
    }
    LEAT_TRY(shape.bytes(type).status());
    LEAT_ASSIGN(made_[port], call_.output(port, type, shape));
    to_c(*made_[port], c_->outputs[port]);
    return {};
  }

  OpCall& call_;
  Few<Tensor*> made_;
  leat_call* c_ = nullptr;
};

class PluginOp final : public Op {
 public:
  PluginOp(const leat_op& op, const OpSpec& spec, void* made, OpSetup& setup)
      : op_(op), spec_(spec), made_(made), types_(setup.outputs) {
    for (const PortSpec& port : spec.outputs) {
      size_t i = 0;
      while (i < spec.inputs.size() && spec.inputs[i].name != port.only_with) ++i;
      if (i == spec.inputs.size()) i = kNoInput;
      bool given = port.only_with.empty() || i != kNoInput || setup.params.has(port.only_with);
      outputs_.push_back({given, i});
    }
  }
  ~PluginOp() override { op_.destroy(made_); }

  Status run(OpCall& call) const override {
    const size_t ports = spec_.inputs.size();
    Few<uint32_t> counts(ports);
    size_t total = 0;
    for (size_t port = 0; port < ports; ++port) {
      counts[port] = call.has(port) ? static_cast<uint32_t>(call.count(port)) : 0;
      total += counts[port];
    }
    Few<leat_tensor> inputs(total);
    leat_tensor* input = inputs.data();
    for (size_t port = 0; port < ports; ++port) {
      for (uint32_t k = 0; k < counts[port]; ++k) to_c(call.input(port, k), *input++);
    }
    Few<leat_tensor> outputs(spec_.outputs.size());
    for (leat_tensor& output : outputs) std::memset(&output, 0, sizeof output);
    Lent lent(call, spec_);
    leat_call c = {.size = sizeof(leat_call),
                   .reserved = 0,
                   .input_counts = counts.data(),
                   .inputs = inputs.data(),
                   .outputs = outputs.data(),
                   .context = &lent,
                   .output = &Lent::output,
                   .abandoned = &Lent::abandoned};
    lent.lend(c);
    Failure failure;
    const bool failed = op_.run(made_, &c, failure.error()) != 0;
    Status status;
    if (failed) status = failure.status(kSilent);
    for (size_t port = 0; port < outputs.size(); ++port) {
      Status taken = take(lent, port, outputs[port], counts);
      if (status.ok()) status = std::move(taken);
    }
    return status;
  }

  std::optional<ImageNeed> need(size_t input_port) const override {
    leat_image_need need{};
    if (!op_.need || op_.need(made_, static_cast<uint32_t>(input_port), &need) == 0) {
      return std::nullopt;
    }
    const bool sound = need.width >= 1 && need.height >= 1 && need.fit >= 0 &&
                       need.fit <= static_cast<int32_t>(Fit::kCover) && need.crop >= 0 &&
                       need.crop <= 1 &&
                       !std::ranges::any_of(need.box, [](double side) { return std::isnan(side); });
    if (!sound) return std::nullopt;  // the full picture
    return from_c(need);
  }

  std::string remark() const override {
    std::string text;
    if (op_.remark) {
      op_.remark(made_, &text,
                 [](void* to, leat_text said) { *static_cast<std::string*>(to) = from_c(said); });
    }
    return text;
  }

 private:
  static constexpr size_t kNoInput = SIZE_MAX;
  struct Output {
    bool given;         // as far as parameters say
    size_t only_input;  // that it depends on
  };

  // Takes over what the plug-in holds of an output, in any case.
  Status take(Lent& lent, size_t port, const leat_tensor& c, Few<uint32_t>& counts) const {
    auto wrong = [&](std::string_view why) {
      return Status(Code::kInternal, cat("output ", spec_.outputs[port].name, ": ", why));
    };
    Tensor given;
    Tensor* made = lent.made(port);
    if (c.given && c.block) {
      if (!sound(c)) {
        reinterpret_cast<Block*>(c.block)->drop();
        return wrong("the plug-in gave a tensor whose size does not fit its shape");
      }
      given = from_c(c);
      given.block()->drop();  // the reference that came with it
    }
    const Tensor* value = c.given ? &given : made;
    const bool present = value && *value;
    const Output& output = outputs_[port];
    const bool expected =
        output.given && (output.only_input == kNoInput || counts[output.only_input] > 0);
    if (present != expected) {
      return wrong(present ? "the plug-in gave it, which it should not"
                           : "the plug-in did not give it");
    }
    if (!present) return {};
    if (std::string why = types_[port].mismatch(value->dtype(), value->shape()); !why.empty()) {
      return wrong(cat("of the plug-in: ", why));
    }
    if (c.given) {
      lent.call().give(port, std::move(given));
    } else {
      attributes_from_c(c, *made);
    }
    return {};
  }

  const leat_op& op_;
  const OpSpec& spec_;
  void* const made_;
  const std::vector<Type> types_;  // of outputs, as make() left them
  std::vector<Output> outputs_;
};

// Types that make() narrows.
struct Narrowed {
  std::vector<Type>& types;
  const std::vector<PortSpec>& ports;
  Status status;

  static void set(void* context, uint32_t port, const leat_type* c) {
    auto& self = *static_cast<Narrowed*>(context);
    if (!self.status.ok()) return;
    auto wrong = [&](std::string_view why) {
      self.status = Status(Code::kInternal, cat("its make() is wrong: ", why));
    };
    if (port >= self.types.size()) return wrong(cat("there is no output port ", port));
    if (c->rank > Shape::kMaxRank || c->dtypes == 0 || (c->dtypes & ~Type::kAny) != 0) {
      return wrong(cat("the type that it gives output ", self.ports[port].name, " is none"));
    }
    Type type = from_c(*c);
    if (std::string why = self.types[port].mismatch(type); !why.empty()) {
      return wrong(cat("output ", self.ports[port].name, ": ", why));
    }
    self.types[port] = std::move(type);
  }
};

}  // namespace

Result<std::unique_ptr<Op>> make_plugin_op(const leat_op& op, const OpSpec& spec, OpSetup& setup) {
  // All of it: what is added must go over, too.
  auto& [given, connected, wants, asked, types, known, taken] = setup;
  std::vector<leat_text> names;
  std::vector<CValue> values;
  std::vector<leat_value> params;
  values.reserve(given.values().size());  // they point at what they hold
  for (const auto& [name, value] : given.values()) {
    names.push_back(to_c(name));
    values.emplace_back(value);
    params.push_back(values.back().get());
  }
  CTypes inputs(connected.size());
  for (size_t i = 0; i < connected.size(); ++i) {
    if (connected[i]) inputs.set(i, *connected[i]);
  }
  const size_t count = types.size();
  CTypes wanted(count), outputs(count);
  std::vector<std::vector<leat_image_need>> needs(count);
  std::vector<const leat_image_need*> need_lists;
  std::vector<uint32_t> need_counts;
  const std::vector<Type> before = types;
  for (size_t i = 0; i < count; ++i) {
    wanted.set(i, wants[i]);
    outputs.set(i, before[i]);
    for (const ImageNeed& need : asked[i]) needs[i].push_back(to_c(need));
    need_lists.push_back(needs[i].data());
    need_counts.push_back(static_cast<uint32_t>(needs[i].size()));
  }
  std::vector<leat_tensor> constants(connected.size());
  for (size_t i = 0; i < known.size(); ++i) to_c(known[i], constants[i]);
  std::vector<uint8_t> used(count, 1);
  for (size_t i = 0; i < taken.size(); ++i) used[i] = taken[i] ? 1 : 0;
  Narrowed narrowed{types, spec.outputs, {}};
  const leat_setup c = {.size = sizeof(leat_setup),
                        .param_count = static_cast<uint32_t>(params.size()),
                        .param_names = names.data(),
                        .params = params.data(),
                        .inputs = inputs.data(),
                        .wanted = wanted.data(),
                        .outputs = outputs.data(),
                        .need_counts = need_counts.data(),
                        .needs = need_lists.data(),
                        .context = &narrowed,
                        .narrow = &Narrowed::set,
                        .constants = constants.data(),
                        .used = used.data()};
  void* made = nullptr;
  Failure failure;
  if (op.make(&op, &c, &made, failure.error()) != 0) return failure.status(kSilent);
  auto result = std::make_unique<PluginOp>(op, spec, made, setup);
  LEAT_TRY(narrowed.status);
  return result;
}

}  // namespace leat

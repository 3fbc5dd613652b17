// What a plug-in registers, and how the program that loads it finds that. LEAT_OP needs the first,
// so that the linker takes the second with it.
#include <deque>

#include "leat/version.h"
#include "plugin/guest/host.h"

namespace leat {

namespace {

const leat_host* opened_by = nullptr;

// In the order of registration, whatever they are: the program says what is wrong with them.
std::deque<OpSpec>& specs() {
  static auto* all = new std::deque<OpSpec>;
  return *all;
}

// An operator as it is described to the program; kept for good.
struct Description {
  std::deque<CValue> fallbacks;
  std::deque<std::vector<leat_text>> choices;
  std::deque<leat_port> ports;
  std::deque<leat_param> params;
  std::vector<const leat_port*> inputs, outputs;
  std::vector<const leat_param*> param_list;
  const OpSpec* spec = nullptr;
  leat_op op{};
};

int32_t make(const leat_op* op, const leat_setup* setup, void** made, const leat_error* error);

int32_t run(void* made, const leat_call* call, const leat_error* error) {
  return tell(guarded([&] { return run_op(*static_cast<MadeOp*>(made), *call); }), error);
}

int32_t need(void* made, uint32_t input, leat_image_need* need) {
  std::optional<ImageNeed> found;
  Status status = guarded([&]() -> Status {
    found = static_cast<MadeOp*>(made)->op->need(input);
    return {};
  });
  if (!status.ok() || !found) return 0;
  *need = to_c(*found);
  return 1;
}

void remark(void* made, void* context, void (*put)(void* context, leat_text text)) {
  (void)guarded([&]() -> Status {
    const std::string text = static_cast<MadeOp*>(made)->op->remark();
    put(context, to_c(text));
    return {};
  }).ok();
}

void destroy(void* made) {
  (void)guarded([&]() -> Status {
    delete static_cast<MadeOp*>(made);
    return {};
  }).ok();
}

void describe(const OpSpec& spec, Description& to) {
  auto describe_ports = [&](const std::vector<PortSpec>& from,
                            std::vector<const leat_port*>& list) {
    for (const PortSpec& port : from) {
      to.ports.push_back({sizeof(leat_port), static_cast<uint8_t>(port.optional),
                          static_cast<uint8_t>(port.many), 0, to_c(port.name), to_c(port.type),
                          to_c(port.doc), to_c(port.only_with)});
      list.push_back(&to.ports.back());
    }
  };
  describe_ports(spec.inputs, to.inputs);
  describe_ports(spec.outputs, to.outputs);
  for (const ParamSpec& param : spec.params) {
    std::vector<leat_text>& choices = to.choices.emplace_back();
    for (const std::string& choice : param.choices) choices.push_back(to_c(choice));
    to.fallbacks.emplace_back(param.fallback);
    to.params.push_back({sizeof(leat_param), static_cast<uint32_t>(param.type), param.required,
                         static_cast<uint32_t>(choices.size()), to_c(param.name), to_c(param.doc),
                         &to.fallbacks.back().get(), param.min, param.max, choices.data()});
    to.param_list.push_back(&to.params.back());
  }
  to.spec = &spec;
  to.op = {.size = sizeof(leat_op),
           .input_count = static_cast<uint32_t>(to.inputs.size()),
           .output_count = static_cast<uint32_t>(to.outputs.size()),
           .param_count = static_cast<uint32_t>(to.param_list.size()),
           .name = to_c(spec.name),
           .doc = to_c(spec.doc),
           .inputs = to.inputs.data(),
           .outputs = to.outputs.data(),
           .params = to.param_list.data(),
           .make = spec.make ? make : nullptr,
           .run = run,
           .need = need,
           .remark = remark,
           .destroy = destroy};
}

std::deque<Description>& descriptions() {
  static auto* all = new std::deque<Description>;
  return *all;
}

int32_t make(const leat_op* op, const leat_setup* setup, void** made, const leat_error* error) {
  return tell(guarded([&]() -> Status {
                for (const Description& one : descriptions()) {
                  if (&one.op != op) continue;
                  MadeOp* result = nullptr;
                  LEAT_TRY(make_op(*one.spec, *setup, result));
                  *made = result;
                  return {};
                }
                return Status(Code::kInternal, "there is no such operator");
              }),
              error);
}

}  // namespace

const leat_host* host() { return opened_by; }

const std::map<std::string, OpSpec>& OpCatalogue::all() {
  static const auto* map = [] {
    auto* made = new std::map<std::string, OpSpec>;
    for (const OpSpec& spec : specs()) made->emplace(spec.name, spec);
    return made;
  }();
  return *map;
}

const OpSpec* OpCatalogue::find(const std::string& name) {
  auto found = all().find(name);
  return found == all().end() ? nullptr : &found->second;
}

bool OpCatalogue::add(OpSpec spec) {
  specs().push_back(std::move(spec));
  return true;
}

}  // namespace leat

extern "C" __attribute__((visibility("default"))) leat_plugin_opener leat_plugin_open;

const leat_plugin* leat_plugin_open(const leat_host* host, const leat_error* error) {
  using namespace leat;
  static leat_plugin plugin = {.abi = LEAT_PLUGIN_ABI,
                               .size = sizeof(leat_plugin),
                               .version = to_c(version()),
                               .revision = LEAT_PLUGIN_REVISION,
                               .op_count = 0,
                               .ops = nullptr};
  if (host->abi != LEAT_PLUGIN_ABI || plugin.ops) return &plugin;
  Status status = guarded([&]() -> Status {
    static auto* ops = new std::vector<const leat_op*>;
    for (const OpSpec& spec : specs()) {
      describe(spec, descriptions().emplace_back());
      ops->push_back(&descriptions().back().op);
    }
    opened_by = host;
    plugin.ops = ops->data();
    plugin.op_count = static_cast<uint32_t>(ops->size());
    return {};
  });
  return tell(status, error) == 0 ? &plugin : nullptr;
}

#include "plugin/plugin.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <mutex>

#include "base/text.h"
#include "leat/version.h"
#include "memory/blocks.h"
#include "plugin/translate.h"

namespace leat {

namespace {

constexpr const char* kOpener = "leat_plugin_open";

leat_block* allocate(uint64_t bytes, const leat_error* error) {
  auto block = allocate_block(bytes);
  if (block.ok()) return reinterpret_cast<leat_block*>(*block);
  tell(block.status(), error);
  return nullptr;
}

const leat_host& host() {
  static const leat_host host = {.abi = LEAT_PLUGIN_ABI,
                                 .size = sizeof(leat_host),
                                 .version = to_c(version()),
                                 .revision = LEAT_PLUGIN_REVISION,
                                 .reserved = 0,
                                 .allocate = allocate};
  return host;
}

Status wrong(std::string_view why) { return Status(Code::kBadInput, std::string(why)); }

// Null: there is no such file.
std::string stamp_of(const std::string& path) {
  struct stat state;
  if (stat(path.c_str(), &state) != 0) return {};
  return cat(static_cast<int64_t>(state.st_size), " ", static_cast<int64_t>(state.st_mtim.tv_sec),
             ".", static_cast<int64_t>(state.st_mtim.tv_nsec));
}

// What the library says of itself.
Result<const leat_plugin*> ask(void* library) {
  auto* open = reinterpret_cast<leat_plugin_opener*>(dlsym(library, kOpener));
  if (!open) {
    return wrong(cat("it is no plug-in: it has no function ", kOpener,
                     "; link it with leat_plugin, and register an operator with LEAT_OP"));
  }
  Failure failure;
  const leat_plugin* plugin = open(&host(), failure.error());
  if (!plugin) return wrong(failure.status("it does not say why it cannot be opened").message());
  if (plugin->abi != LEAT_PLUGIN_ABI) {
    return wrong(cat("it speaks version ", plugin->abi,
                     " of the plug-in interface, this program version ", LEAT_PLUGIN_ABI,
                     "; build it against leat ", version()));
  }
  if (plugin->size < sizeof(leat_plugin)) return wrong("it describes itself too shortly");
  if (plugin->op_count == 0) return wrong("it registers no operator; see LEAT_OP");
  return plugin;
}

}  // namespace

Status Plugin::open() {
  LEAT_TRY(check_library_file(path_));
  dlerror();
  void* library = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* error = dlerror();
    std::string_view why = error ? error : "dlopen() does not say why";
    if (why.starts_with(path_)) why = why.substr(path_.size());  // the reader knows it
    if (why.starts_with(": ")) why = why.substr(2);
    return wrong(cat("it cannot be loaded: ", why));
  }
  auto read = [&]() -> Status {
    LEAT_ASSIGN(const leat_plugin* plugin, ask(library));
    for (uint32_t i = 0; i < plugin->op_count; ++i) {
      const leat_op& op = *plugin->ops[i];
      if (op.size < sizeof(leat_op)) return wrong("it describes an operator too shortly");
      LEAT_ASSIGN(OpSpec spec, read_spec(op));
      if (OpCatalogue::find(spec.name)) {
        return wrong(cat("operator \"", spec.name, "\" is built into leat; it needs another name"));
      }
      const std::string name = spec.name;
      auto [at, added] = ops_.emplace(name, std::move(spec));
      if (!added) return wrong(cat("operator \"", name, "\" is registered twice"));
      at->second.make = [&op, own = &at->second](OpSetup& setup) {
        return make_plugin_op(op, *own, setup);
      };
    }
    return {};
  };
  Status status = read();
  if (!status.ok()) dlclose(library);
  return status;
}

Result<const Plugin*> Plugin::load(const std::string& path) {
  static std::mutex mutex;
  static auto* loaded = new std::map<std::string, std::unique_ptr<Plugin>>;  // guarded by mutex
  std::lock_guard lock(mutex);
  std::string stamp = stamp_of(path);
  auto known = loaded->find(path);
  if (known == loaded->end()) {
    std::unique_ptr<Plugin> plugin(new Plugin(path, std::move(stamp)));
    LEAT_TRY(plugin->open());
    known = loaded->emplace(path, std::move(plugin)).first;
  } else if (known->second->stamp() != stamp) {
    return wrong("it has changed since this program loaded it; start the program again");
  }
  return known->second.get();
}

}  // namespace leat

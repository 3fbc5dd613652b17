#include "model/openvino/runtime.h"

#include <dlfcn.h>

#include "base/text.h"
#include "model/openvino/reason.h"

namespace leat::ov {

namespace {

// By its version: numbers of element types change from one to the next.
constexpr const char* kLibrary = "libopenvino_c.so.2641";

Status missing(std::string_view why) {
  return Status(Code::kUnsupported,
                cat("this build has no OpenVINO: ", why,
                    "; `tools/setup.sh` brings it, LD_LIBRARY_PATH may name its folder; or leave "
                    "`runtime: openvino` out"));
}

Result<Api> find(const char* file) {
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) return missing(dlerror());
  Api api;
#define LEAT_OV_FIND(name)                                               \
  api.name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name)); \
  if (!api.name) return missing(cat(file, " has no ", #name));
  LEAT_OV_FUNCTIONS(LEAT_OV_FIND)
#undef LEAT_OV_FIND
  return api;
}

const Result<Api>& opened() {
  static const auto* const result = new Result<Api>(find(kLibrary));
  return *result;
}

Result<ov_core_t*> make_core() {
  LEAT_TRY(load());
  ov_core_t* made = nullptr;
  LEAT_OV(Code::kInternal, api().ov_core_create(&made));
  LEAT_OV(Code::kInternal, api().ov_core_set_property(made, "", "ENABLE_MMAP", "NO"));
  return made;
}

}  // namespace

Status open(const char* file) { return find(file).status(); }

Status load() { return opened().status(); }

const Api& api() {
  static const Api& found = *opened();
  return found;
}

Result<ov_core_t*> core() {
  static const auto* const result = new Result<ov_core_t*>(make_core());
  return *result;
}

Status failure(Code code) {
  const char* text = api().ov_get_last_err_msg();
  std::string reason = reason_of(text ? text : "");
  if (text) api().ov_free(text);
  return Status(code, std::move(reason));
}

}  // namespace leat::ov

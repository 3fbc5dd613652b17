// compile_text() on any bytes, with models and operators that need no files.
#include "pipeline/testing/fakes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static leat::FakeModels models;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto plan = leat::compile_text(text, "fuzzed.yaml", "tests/bad_pipelines", models);
  if (!plan.ok() && plan.status().message().empty()) __builtin_trap();
#ifdef LEAT_PLANTED_BUG  // a cycle beside a name that is nearly right
  const std::string& said = plan.status().message();
  if (said.find("a cycle:") != said.npos && said.find("did you mean") != said.npos) {
    __builtin_trap();
  }
#endif
  return 0;
}

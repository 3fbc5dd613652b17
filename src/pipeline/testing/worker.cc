// The workers of tests are the test program itself, with the toys' models. Not from a static
// object: the toys are made of some.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "pipeline/step_process.h"
#include "pipeline/testing/parts.h"

namespace leat::toy {
namespace {

class BecomeWorker final : public testing::Environment {
  void SetUp() override {
    if (is_worker()) std::_Exit(run_worker(*toy_models(nullptr)));
  }
};

// Nor is it a test.
[[maybe_unused]] const bool silent = is_worker() && std::freopen("/dev/null", "w", stdout);
[[maybe_unused]] const auto* become_worker =
    testing::AddGlobalTestEnvironment(new BecomeWorker);  // gtest owns it

}  // namespace
}  // namespace leat::toy

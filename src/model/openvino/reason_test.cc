#include "model/openvino/reason.h"

#include <gtest/gtest.h>

namespace leat::ov {
namespace {

struct Case {
  const char* message;
  const char* reason;
};

TEST(OpenVinoReason, IsWhatAPersonCanUse) {
  const Case cases[] = {
      {"", ""},
      {"Out of memory", "Out of memory"},
      {"Exception from src/inference/src/cpp/core.cpp:84:\n"
       "Check 'a(b) || c' failed at src/frontends/common/src/frontend.cpp:117:\n"
       "FrontEnd API failed with GeneralFailure:\n"
       "Could not open the file: \"/none.onnx\"\n\n",
       "Could not open the file: \"/none.onnx\""},
      {"Exception from src/inference/src/cpp/infer_request.cpp:224:\n"
       "Exception from src/plugins/intel_cpu/src/node.cpp:794:\n"
       "[CPU] Reshape node with name 'fold' Check 'a == b' failed at src/plugins/reshape.cpp:77:\n"
       "[cpu]reshape: the shape of input data (3) conflicts with the reshape pattern (2.2)\n\n\n",
       "[CPU] Reshape node with name 'fold': [cpu]reshape: the shape of input data (3) conflicts "
       "with the reshape pattern (2.2)"},
      {"Exception from src/inference/src/cpp/core.cpp:84:\n"
       "Check 'false' failed at src/frontends/common_translators/src/report.cpp:151:\n"
       "FrontEnd API failed with OpConversionFailure:\n"
       "Model wasn't fully converted. Failed operations detailed log:\n"
       "-- QLinearConv-12 with a message:\nThe number of elements '32' must match\n\n"
       "Summary:\n-- No conversion rule found for operations: Frobnicate\n"
       "-- Conversion is failed for: QLinearConv-12, Add-1\n\n",
       "No conversion rule found for operations: Frobnicate; Conversion is failed for: "
       "QLinearConv-12, Add-1"},
      {"Check 'false' failed at src/x.cpp:1: why it is", "why it is"},
      {"Exception from src/x.cpp:12:\nCheck 'x > 0' failed at src/y.cpp:3:\n",
       "Exception from src/x.cpp:12: Check 'x > 0' failed at src/y.cpp:3:"},
  };
  for (const Case& c : cases) EXPECT_EQ(reason_of(c.message), c.reason);
  EXPECT_LT(reason_of(std::string(100'000, 'x')).size(), 700u);
}

}  // namespace
}  // namespace leat::ov

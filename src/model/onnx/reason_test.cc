#include "model/onnx/reason.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

struct Case {
  std::string_view message;
  std::string_view reason;
};

// Messages as ONNX Runtime gives them.
constexpr Case kCases[] = {
    {"Load model from /m/a.onnx failed:Protobuf parsing failed.", "Protobuf parsing failed."},
    {"Load model from /m/my model.onnx failed:/src/core/graph/model.cc:180 "
     "onnxruntime::Model::Model(ModelProto&&, const PathString&, const std::list<X*>*) Unsupported "
     "model IR version: 99, max supported IR version: 13\n",
     "Unsupported model IR version: 99, max supported IR version: 13"},
    {"Non-zero status code returned while running Reshape node. Name:'Reshape_1' Status Message: "
     "/src/core/reshape_helper.h:47 onnxruntime::ReshapeHelper::ReshapeHelper(const TensorShape&, "
     "TensorShapeVector&, bool) input_shape_size == size was false. The input tensor cannot be "
     "reshaped.\nInput shape:{3}\n",
     "node Reshape_1 (Reshape): The input tensor cannot be reshaped. Input shape:{3}"},
    {"Non-zero status code returned while running If node. Name:'If_0' Status Message: Non-zero "
     "status code returned while running Pad node. Name:'Pad_1' Status Message: too short",
     "node Pad_1 (Pad): too short"},
    {"Non-zero status code returned while running Pad node. Name:'' Status Message: too short",
     "node Pad: too short"},
    {"/src/a.cc:12 virtual T ns::A<T>::f(int (*)(int)) const [with T = std::vector<int[2]>] bad",
     "bad"},
    {"/src/a.cc:12 void f()", "/src/a.cc:12 void f()"},  // nothing better than all of it
    {"/src/a.cc: no place", "/src/a.cc: no place"},
    {"a\n\n  b\t c ", "a b c"},
    {"", ""},
};

TEST(Reason, KeepsWhatAPersonCanUse) {
  for (const Case& c : kCases) EXPECT_EQ(reason_of(c.message), c.reason);
}

TEST(Reason, IsBounded) { EXPECT_LT(reason_of(std::string(100'000, 'x')).size(), 1000u); }

}  // namespace
}  // namespace leat

// The models of the assets and of the demo: OpenVINO answers what ONNX Runtime answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "model/testing/model_files.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> models() {
  std::vector<fs::path> found;
  for (const fs::path& folder : {assets() / "models", fs::path("build/deps/demo")}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".onnx") found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

// Values without a pattern, the same each time: numbers from -1 to 1, integers from 0 to 96.
Tensor some(const Type& type, const Shape& shape, uint32_t seed) {
  Tensor tensor = *Tensor::allocate(*type.dtype(), shape);
  auto fill = [&](auto values, auto make) {
    for (auto& value : values) {
      seed = seed * 1664525 + 1013904223;
      value = make(seed >> 8);
    }
  };
  switch (tensor.dtype()) {
    case DType::kFp32:
      fill(tensor.mutable_values<float>(),
           [](uint32_t n) { return static_cast<float>(n % 20001) / 10000.f - 1.f; });
      break;
    case DType::kUint8:
      fill(tensor.mutable_values<uint8_t>(),
           [](uint32_t n) { return static_cast<uint8_t>(n % 97); });
      break;
    case DType::kInt32:
      fill(tensor.mutable_values<int32_t>(),
           [](uint32_t n) { return static_cast<int32_t>(n % 97); });
      break;
    default:
      ADD_FAILURE() << dtype_name(tensor.dtype());
  }
  return tensor;
}

// Where the model leaves it open: `batch` items, of sizes that it can run with.
Shape shape_for(const fs::path& file, const Type& type, int64_t batch, int64_t width) {
  const std::set<std::string> lines = {"text_reader", "orientation", "ppocr_v2_cls"};  // 48 high
  Shape shape;
  for (size_t i = 0; i < type.dims.size(); ++i) {
    int64_t size = type.dims[i].size;
    if (size < 0) size = i == 0 ? batch : i == 2 && lines.contains(file.stem()) ? 48 : width;
    shape = shape.with(shape.rank(), size);
  }
  return shape;
}

// `within`: of the largest value.
void expect_near(const Tensor& a, const Tensor& b, float within, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  auto one = a.values<float>(), other = b.values<float>();
  float largest = 1e-2f, apart = 0;
  for (size_t i = 0; i < one.size(); ++i) {
    largest = std::max(largest, std::abs(one[i]));
    float difference = std::abs(one[i] - other[i]);
    apart = std::isfinite(difference) ? std::max(apart, difference) : INFINITY;
  }
  EXPECT_LE(apart, within * largest) << what << ", largest " << largest;
}

std::vector<Tensor> answers(Model& model, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs(model.outputs().size());
  Status status = model.run(inputs, outputs, nullptr);
  EXPECT_TRUE(status.ok()) << status.message();
  return outputs;
}

TEST(SameAnswers, AsOnnxRuntimeOfEveryModel) {
  std::set<std::string> same, refused;
  for (const fs::path& file : models()) {
    auto onnx = load_model(file, {});
    auto openvino = load_model(file, {.runtime = Runtime::kOpenVino});
    if (!openvino.ok()) {
      refused.insert(file.stem());
      EXPECT_THAT(openvino.status().message(), testing::HasSubstr("OpenVINO cannot convert it: "));
      EXPECT_EQ(openvino.status().message().find('\n'), std::string::npos);
      continue;
    }
    ASSERT_TRUE(onnx.ok()) << onnx.status().message();
    const auto &ports = (*onnx)->inputs(), &outputs = (*onnx)->outputs();
    ASSERT_EQ((*openvino)->inputs().size(), ports.size()) << file;
    ASSERT_EQ((*openvino)->outputs().size(), outputs.size()) << file;
    for (size_t i = 0; i < ports.size(); ++i) {
      EXPECT_EQ((*openvino)->inputs()[i].name, ports[i].name) << file;
      EXPECT_EQ((*openvino)->inputs()[i].type.text(), ports[i].type.text()) << file;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_EQ((*openvino)->outputs()[i].name, outputs[i].name) << file;
      EXPECT_EQ((*openvino)->outputs()[i].type.dtypes, outputs[i].type.dtypes) << file;
      EXPECT_EQ((*openvino)->outputs()[i].type.dims.size(), outputs[i].type.dims.size()) << file;
    }
    if (!ports[0].type.allows(DType::kFp32) && outputs[0].type.allows(DType::kFp16)) continue;
    // OpenVINO is less exact where a whole picture is normalised: the more so, the flatter it is.
    const bool normalises = file.stem() == "style_candy";
    const bool open = ports[0].type.dims[0].size < 0 && !normalises;
    for (auto [batch, width] : {std::pair{1, 64}, {3, 160}, {1, 64}, {2, 192}}) {
      std::vector<Tensor> inputs;
      for (const ModelPort& port : ports) {
        inputs.push_back(some(port.type, shape_for(file, port.type, batch, width),
                              static_cast<uint32_t>(inputs.size() + 1)));
        if (normalises) {
          for (float& value : inputs.back().mutable_values<float>()) value = 128 + 127 * value;
        }
      }
      auto wanted = answers(**onnx, inputs), found = answers(**openvino, inputs);
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (!wanted[i] || !found[i]) continue;
        expect_near(wanted[i], found[i], normalises ? 1e-3f : 1e-4f,
                    file.string() + " " + outputs[i].name + " batch " + std::to_string(batch));
      }
      if (!open) break;
    }
    same.insert(file.stem());
  }
  if (same.empty()) GTEST_SKIP() << "needs build/deps/demo or ../shared/assets (or LEAT_ASSETS)";
  if (assets().empty()) return;
  EXPECT_GT(same.size(), 15u);
  EXPECT_THAT(refused, testing::ElementsAre("mobilenetv2-12-int8", "neg_super_resolution_no_opset",
                                            "rf_iris", "silero_vad", "sk_pipeline_titanic",
                                            "sk_pipeline_xgboost", "sk_predictable_tsne"));
}

// Shapes that differ, from four threads at once.
TEST(SameAnswers, FromManyThreads) {
  fs::path file = "build/deps/demo/orientation.onnx";
  if (!fs::exists(file)) GTEST_SKIP() << "needs build/deps/demo";
  auto onnx = load_model(file, {}), openvino = load_model(file, {.runtime = Runtime::kOpenVino});
  ASSERT_TRUE(onnx.ok() && openvino.ok());
  auto work = [&](int thread) {
    for (int i = 0; i < 6; ++i) {
      const Shape shape{1 + (thread + i) % 3, 3, 48, 64 + 32 * ((thread + 2 * i) % 5)};
      std::vector<Tensor> inputs = {
          some((*onnx)->inputs()[0].type, shape, static_cast<uint32_t>(thread * 100 + i))};
      expect_near(answers(**onnx, inputs)[0], answers(**openvino, inputs)[0], 1e-4f, shape.text());
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace leat

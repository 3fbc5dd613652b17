// The real models of the assets: their ports and answers as MANIFEST.tsv tells them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"
#include "model/testing/model_files.h"

namespace leat {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

// The manifest's rows whose first column starts with `prefix` and ends with `suffix`.
std::vector<std::vector<std::string>> rows(std::string_view prefix, std::string_view suffix) {
  std::vector<std::vector<std::string>> found;
  std::string all = contents(assets() / "MANIFEST.tsv");
  for (std::string_view line : split(all, '\n')) {
    std::vector<std::string_view> cells = split(line, '\t');
    if (cells[0].starts_with(prefix) && cells[0].ends_with(suffix)) {
      found.emplace_back(cells.begin(), cells.end());
    }
  }
  return found;
}

// A port as the manifest writes it: "sr:int64[]", of outputs "scores[1,4420,2]".
std::string written(const ModelPort& port, bool with_type) {
  const std::map<DType, std::string> names = {
      {DType::kFp32, ":float"},  {DType::kFp16, ":float16"}, {DType::kUint8, ":uint8"},
      {DType::kInt32, ":int32"}, {DType::kInt64, ":int64"},  {DType::kBytes, ":string"}};
  std::string text = port.name + (with_type ? names.at(*port.type.dtype()) : "") + "[";
  for (const Dim& dim : port.type.dims) {
    if (text.back() != '[') text += ',';
    text += dim.size >= 0 ? std::to_string(dim.size) : dim.name.empty() ? "?" : dim.name;
  }
  return text + "]";
}

std::string written(const std::vector<ModelPort>& ports, bool with_type) {
  std::string text;
  for (const ModelPort& port : ports) {
    text += (text.empty() ? "" : "; ") + written(port, with_type);
  }
  return text;
}

TEST(RealModels, LoadOrAreRefusedAsTheManifestSays) {
  LEAT_NEED_ASSETS();
  testing::internal::CaptureStderr();
  int loaded_models = 0, refused = 0;
  for (const auto& row : rows("models/", ".onnx")) {
    const std::string& what = row[9];
    auto model = load_model(assets() / row[0], {});
    if (what.starts_with("NEGATIVE")) {
      EXPECT_EQ(model.status().code(), Code::kBadInput) << row[0];
      EXPECT_THAT(model.status().message(), testing::HasSubstr("Missing opset in the model"));
      ++refused;
      continue;
    }
    if (what.find("seq/map") != std::string::npos) {
      EXPECT_EQ(model.status().code(), Code::kUnsupported) << row[0];
      EXPECT_THAT(model.status().message(),
                  testing::HasSubstr("output output_probability is a sequence of maps, which"));
      ++refused;
      continue;
    }
    ASSERT_TRUE(model.ok()) << model.status().message();
    ++loaded_models;
    EXPECT_EQ((*model)->weight_bytes(), std::stoull(row[1]));
    size_t in = what.find("| in "), out = what.find(" | out ");
    ASSERT_NE(out, std::string::npos) << row[0];
    EXPECT_EQ(written((*model)->inputs(), true), what.substr(in + 5, out - in - 5)) << row[0];
    std::string outputs = what.substr(out + 7);
    if (row[0].find("dtln_2") != std::string::npos) {
      // ONNX Runtime infers the size of the dimension that the file calls N.
      std::ranges::replace(outputs, 'N', '1');
    }
    outputs = outputs.substr(0, outputs.find(" (+"));
    EXPECT_THAT(written((*model)->outputs(), false), testing::StartsWith(outputs)) << row[0];
  }
  EXPECT_GT(loaded_models, 15);
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(RealModels, WarmUp) {
  LEAT_NEED_ASSETS();
  // What cannot run on size 1, and why; and what takes seconds.
  const std::map<std::string, std::string> exceptions = {
      {"models/nnsplit_en.onnx", "node Conv_6 (Conv): Invalid input shape: {1}"},
      {"models/silero_vad.onnx", "Pad reflect requires axis length >= 2"},
      {"models/style_candy.onnx", ""}};
  for (const auto& row : rows("models/", ".onnx")) {
    auto exception = exceptions.find(row[0]);
    if (exception != exceptions.end() && exception->second.empty()) continue;
    auto model = load_model(assets() / row[0], {});
    if (!model.ok()) continue;
    Status status = warm_up(**model);
    if (exception == exceptions.end()) {
      EXPECT_TRUE(status.ok()) << row[0] << ": " << status.message();
    } else {
      EXPECT_EQ(status.code(), Code::kStepFailed) << row[0];
      EXPECT_THAT(status.message(), testing::HasSubstr(exception->second));
      EXPECT_EQ(status.message().find('\n'), std::string::npos);
    }
  }
}

// What kind of file some bytes are: the first and the last 1024 of them, padded with 256.
TEST(RealModels, MagikaKnowsTheSampleFiles) {
  LEAT_NEED_ASSETS();
  std::string config = contents(assets() / "models/magika_standard_v3_3.config.json");
  size_t begin = config.find('[', config.find("target_labels_space")) + 1;
  std::string list = config.substr(begin, config.find(']', begin) - begin);
  std::erase(list, '"');
  std::vector<std::string_view> labels = split(list, ',');
  ASSERT_EQ(labels.size(), 214u);

  auto model = load_model(assets() / "models/magika_standard_v3_3.onnx", {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto samples = rows("text/filetype/", "");
  ASSERT_GT(samples.size(), 10u);
  std::vector<int32_t> tokens;
  for (const auto& sample : samples) {
    std::string file = contents(assets() / sample[0]);
    std::string_view text = trim(file);
    std::vector<int32_t> row(2048, 256);
    size_t some = std::min<size_t>(text.size(), 1024);
    for (size_t i = 0; i < some; ++i) {
      row[i] = static_cast<unsigned char>(text[i]);
      row[2048 - some + i] = static_cast<unsigned char>(text[text.size() - some + i]);
    }
    tokens.insert(tokens.end(), row.begin(), row.end());
  }
  auto count = static_cast<int64_t>(samples.size());
  Tensor input = *Tensor::of<int32_t>(tokens, Shape{count, 2048});
  Tensor output;
  ASSERT_TRUE((*model)->run({&input, 1}, {&output, 1}, nullptr).ok());
  ASSERT_EQ(output.shape(), (Shape{count, 214}));
  for (int64_t i = 0; i < count; ++i) {
    Tensor row = output.row(i);
    auto scores = row.values<float>();
    auto best = static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
    const auto& sample = samples[static_cast<size_t>(i)];
    EXPECT_EQ("magika label " + std::string(labels[best]), sample.back()) << sample[0];
  }
}

// A state that goes round, subgraphs, a scalar input. 512 samples a frame, and 64 from before.
TEST(RealModels, SileroHearsSpeech) {
  LEAT_NEED_ASSETS();
  std::string wav = contents(assets() / "video/audio_silero_test.wav");
  size_t at = wav.find("data");
  ASSERT_NE(at, std::string::npos);
  std::vector<int16_t> samples((wav.size() - at - 8) / 2);
  std::memcpy(samples.data(), wav.data() + at + 8, samples.size() * 2);

  auto model = load_model(assets() / "models/silero_vad.onnx", {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  Tensor state = *Tensor::of<float>(std::vector<float>(256), Shape{2, 1, 128});
  std::vector<float> frame(576);
  int frames = 0, speech = 0;
  for (size_t begin = 0; begin + 512 <= samples.size(); begin += 512, ++frames) {
    std::copy(frame.end() - 64, frame.end(), frame.begin());
    for (size_t i = 0; i < 512; ++i) {
      frame[64 + i] = static_cast<float>(samples[begin + i]) / 32768.f;
    }
    Tensor inputs[] = {*Tensor::of<float>(frame, Shape{1, 576}), state,
                       *Tensor::scalar<int64_t>(16000)};
    Tensor outputs[2];
    Status status = (*model)->run(inputs, outputs, nullptr);
    ASSERT_TRUE(status.ok()) << status.message();
    speech += outputs[0].values<float>()[0] > 0.5f;
    state = outputs[1];
  }
  EXPECT_EQ(frames, 1875);
  EXPECT_NEAR(speech / 1875., 0.774, 0.01);
}

TEST(RealModels, ARunThatFailsLeavesTheModelWell) {
  LEAT_NEED_ASSETS();
  auto model = load_model(assets() / "models/nnsplit_en.onnx", {});
  ASSERT_TRUE(model.ok()) << model.status().message();
  for (int64_t length : {8, 1, 8, 20}) {
    Shape shape[] = {{1, length}};
    EXPECT_EQ(warm_up(**model, shape).code(), length == 1 ? Code::kStepFailed : Code::kOk);
  }
}

}  // namespace
}  // namespace leat

// The pipeline of examples/things, and photos to send it: a detector, and a classifier for each
// crop.
#pragma once

#include "leat/pipeline.h"
#include "photos.h"

namespace bench {

// With batches across requests as the file says, or with each crop alone. Deadlines are out of the
// way: nothing is to be refused.
inline std::shared_ptr<leat::Pipeline> load_things(leat::Engine& engine, bool batches) {
  const std::filesystem::path file = "examples/things/pipeline.yaml";
  std::vector<uint8_t> bytes = read_file(file);
  std::string text(bytes.begin(), bytes.end());
  auto replace = [&](std::string_view part, std::string_view other) {
    size_t at = text.find(part);
    if (at == std::string::npos) {
      std::fprintf(stderr, "%s has no \"%s\"\n", file.c_str(), part.data());
      std::exit(1);
    }
    text.replace(at, part.size(), other);
  };
  replace("timeout: 500ms", "timeout: 60s");
  if (!batches) replace("batch: { max: 16, delay: 1ms }", "batch: { max: 1 }");
  setenv("LEAT_MODELS", std::filesystem::absolute(assets() / "models").c_str(), 1);
  auto pipeline = engine.load_text(text, file.parent_path());
  if (!pipeline.ok()) {
    std::fprintf(stderr, "%s\n", pipeline.status().message().c_str());
    std::exit(1);
  }
  return *pipeline;
}

// From no thing to twenty in each.
inline std::vector<leat::Tensor> photos_of_things() {
  std::vector<leat::Tensor> all;
  for (const char* name :
       {"ovms_people2.jpeg", "ovms_people3.jpeg", "ovms_road1.jpg", "burn_dog_bike_man.jpg",
        "onnxtut_cat.jpg", "triton_vulture.jpeg", "burn_bridge.jpg"}) {
    std::vector<uint8_t> bytes = read_file(assets() / "images/photo" / name);
    all.push_back(
        *leat::Tensor::bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  return all;
}

}  // namespace bench

// leat inside another program: loads a pipeline, runs it on one file, prints the first output.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "leat/pipeline.h"

int main(int count, char** values) {
  if (count != 3) return std::fputs("usage: embed PIPELINE PHOTO\n", stderr), 2;
  auto engine = leat::Engine::make({});
  auto pipeline = engine->load(values[1]);
  if (!pipeline.ok()) return std::puts(pipeline.status().message().c_str()), 1;
  std::ifstream file(values[2], std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});

  leat::Request request(**pipeline);
  request.set(0, *leat::Tensor::bytes(bytes));
  leat::Answer answer = (*pipeline)->run(std::move(request));
  if (!answer.status.ok()) return std::puts(answer.status.message().c_str()), 1;
  const leat::Tensor& labels = answer.outputs[0].tensor();
  for (int64_t i = 0; i < labels.shape().elements(); ++i) {
    std::printf("%s\n", std::string(labels.string(i)).c_str());
  }
}

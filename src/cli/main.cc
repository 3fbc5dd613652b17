#include <cstdio>

#include "cli/command_line.h"
#include "leat/pipeline.h"

int main(int count, char** values) {
  if (leat::is_worker()) return leat::worker_main();
  std::vector<std::string> arguments(values + 1, values + count);
  std::string out, err;
  leat::Exit exit = leat::run_command(arguments, out, err);
  std::fwrite(err.data(), 1, err.size(), stderr);
  const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size();
  if (std::fflush(stdout) != 0 || !written) {
    std::fputs("leat: standard output cannot be written\n", stderr);
    exit = leat::Exit::kWrongInput;
  }
  return static_cast<int>(exit);
}

// From what a user typed to a verb that is ready to run, and on to an exit code. Its source is the
// only one that includes CLI11, which costs seconds to compile.
//
// Of a verb with settings, what the command line leaves open is taken from LEAT_NAME, then from the
// file that --config names (YAML, `http: 8000`), then from the default.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/verb.h"

namespace leat {

enum class Exit : int { kDone = 0, kWrongInput = 1, kUsage = 2, kInternal = 3 };

struct CommandLine {
  enum class Next { kRun, kHelp, kUsage };
  Next next = Next::kRun;
  std::string text;  // the help, or what is wrong with the usage
};

// Sets the verb's options. `variable`: of the environment; null where there is none.
CommandLine read_command_line(Verb& verb, std::span<const std::string> arguments,
                              const std::function<const char*(const char*)>& variable);

// The whole program: `arguments` without its name. Writes what belongs on standard output and on
// standard error.
Exit run_command(std::span<const std::string> arguments, std::string& out, std::string& err);

}  // namespace leat

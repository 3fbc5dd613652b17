// What a user types after `leat`: one verb, one file.
//
// A verb is an object that holds its options. It declares them as a table of flags, from which the
// parser, the help, the LEAT_... variables and --config are made; the defaults are what the options
// hold before anything is read. See command_line.h for how a table is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "leat/status.h"

namespace leat {

struct Duration {  // "50ms"; in nanoseconds
  int64_t* nanos;
};
struct Bytes {  // "64MiB"
  int64_t* bytes;
};

struct Flag {
  using Target = std::variant<bool*, std::string*, std::vector<std::string>*, int*, int64_t*,
                              double*, Duration, Bytes>;
  std::string name;   // "http": written --http. In capitals: an argument without dashes
  std::string takes;  // what the help calls its value: "PORT"; empty for an argument or a switch
  Target target;
  std::string doc;
  bool required = false;
  double min = -1e18;  // of numbers
  double max = 1e18;
  std::vector<std::string> choices{};
};

class Verb {
 public:
  virtual ~Verb() = default;
  virtual std::string_view name() const = 0;
  virtual std::string_view does() const = 0;     // one sentence
  virtual std::string_view example() const = 0;  // command lines, each ended by a newline
  virtual std::vector<Flag> flags() = 0;         // with pointers into this object
  // True: each flag may also be said as LEAT_NAME and in a file given by --config.
  virtual bool has_settings() const { return false; }
  // What is wrong with the options together, once they are read; empty: nothing.
  virtual std::string misuse() const { return {}; }
  // Appends to `out`, which goes to standard output. The Status' message is what, where, and what
  // to do, in its first line.
  virtual Status run(std::string& out) = 0;
};

std::unique_ptr<Verb> make_bench();
std::unique_ptr<Verb> make_check();
std::unique_ptr<Verb> make_graph();
std::unique_ptr<Verb> make_init();
std::unique_ptr<Verb> make_ops();
std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_serve();

std::vector<std::unique_ptr<Verb>> all_verbs();  // in the order of the help

}  // namespace leat

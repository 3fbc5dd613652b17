// Shared libraries that bring operators, as include/leat/plugin.h says: leat's side of it. How to
// write one: docs/plugins.md. The other side is src/plugin/guest/.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "leat/op.h"
#include "leat/plugin.h"

namespace leat {

// A library that has been loaded. It is never unloaded: what it has given may live anywhere.
class Plugin {
 public:
  // The library at `path`, absolute. The second time the same object is given; a file that has
  // changed meanwhile is refused, since a running program keeps what it has. kBadInput (the message
  // does not name the path), and then nothing is kept: the library may be mended and tried again.
  static Result<const Plugin*> load(const std::string& path);

  const std::string& path() const { return path_; }
  // Of the file's state when it was loaded: size and time.
  const std::string& stamp() const { return stamp_; }
  // By name. Specs live as long as the process.
  const std::map<std::string, OpSpec>& ops() const { return ops_; }

 private:
  Plugin(std::string path, std::string stamp) : path_(std::move(path)), stamp_(std::move(stamp)) {}
  Status open();

  const std::string path_, stamp_;
  std::map<std::string, OpSpec> ops_;
};

// The parts of loading.

// Is there a whole shared library for this machine? What dlopen() cannot tell without a crash.
// Otherwise why not, as "it is ...".
Status check_library_file(const std::string& path);

// What a plug-in says of an operator, checked, but for make.
Result<OpSpec> read_spec(const leat_op& op);

// `op` and `spec` live as long as the process.
Result<std::unique_ptr<Op>> make_plugin_op(const leat_op& op, const OpSpec& spec, OpSetup& setup);

}  // namespace leat

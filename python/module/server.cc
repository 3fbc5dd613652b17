#include "leat/server.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/text.h"
#include "engine.h"
#include "errors.h"
#include "pipeline.h"
#include "server.h"

namespace leat {

namespace {

class ServerHandle {
 public:
  explicit ServerHandle(std::unique_ptr<Server> server) : server_(std::move(server)) {}
  Server& get() const { return *server_.get(); }

 private:
  Rooted<std::unique_ptr<Server>> server_;
};

// Options of ServerOptions by their own names; the values are of the right type or refused.
ServerOptions options_from(const nb::dict& given) {
  ServerOptions options;
  struct Field {
    const char* name;
    std::variant<int*, int64_t*, std::string*, bool*> target;
  };
  const Field fields[] = {{"host", &options.host},
                          {"http_port", &options.http_port},
                          {"metrics_port", &options.metrics_port},
                          {"io_threads", &options.io_threads},
                          {"header_bytes", &options.header_bytes},
                          {"body_bytes", &options.body_bytes},
                          {"json_bytes", &options.json_bytes},
                          {"header_time", &options.header_time},
                          {"body_grace", &options.body_grace},
                          {"least_rate", &options.least_rate},
                          {"idle_time", &options.idle_time},
                          {"connections", &options.connections},
                          {"bytes_in_flight", &options.bytes_in_flight},
                          {"access_log", &options.access_log},
                          {"access_log_json", &options.access_log_json},
                          {"watch", &options.watch}};
  for (auto [key, value] : given) {
    std::string name = text_of(key.ptr());
    const Field* field = nullptr;
    std::vector<std::string> names;
    for (const Field& one : fields) {
      names.emplace_back(one.name);
      if (name == one.name) field = &one;
    }
    if (!field) {
      PyErr_SetString(PyExc_TypeError,
                      cat("serve() has no option ", name, "; it has ", join_or(names)).c_str());
      raise_python();
    }
    std::visit(
        [&](auto* target) {
          using T = std::remove_pointer_t<decltype(target)>;
          try {
            *target = nb::cast<T>(value, false);
          } catch (const nb::cast_error&) {
            PyErr_SetString(
                PyExc_TypeError,
                cat("serve(): ", name, " cannot be a ", Py_TYPE(value.ptr())->tp_name).c_str());
            raise_python();
          }
        },
        field->target);
  }
  return options;
}

}  // namespace

void bind_server(nb::module_& module) {
  nb::class_<ServerHandle>(module, "ServerHandle")
      .def("load",
           [](const ServerHandle& self, const std::vector<std::string>& paths) {
             Server& server = self.get();
             Status status = [&] {
               nb::gil_scoped_release released;
               return server.load(paths);
             }();
             check(status);
           })
      .def("serve",
           [](const ServerHandle& self, const std::string& name, const LoadedPipeline& pipeline) {
             Server& server = self.get();
             auto held = pipeline.get();
             nb::gil_scoped_release released;
             server.serve(name, "1", std::move(held));
           })
      .def_prop_ro("http_port", [](const ServerHandle& self) { return self.get().http_port(); })
      .def_prop_ro("metrics_port",
                   [](const ServerHandle& self) { return self.get().metrics_port(); })
      .def_prop_ro("banner", [](const ServerHandle& self) { return self.get().banner(); })
      .def("stop", [](const ServerHandle& self, double seconds) {
        Server& server = self.get();
        nb::gil_scoped_release released;
        return server.stop(static_cast<int64_t>(seconds * 1e9));
      });
  module.def("start_server", [](const EngineHandle& engine, const nb::dict& options) {
    auto held = engine.get();
    ServerOptions read = options_from(options);
    auto made = [&] {
      nb::gil_scoped_release released;
      return Server::start(read, held);
    }();
    return nb::cast(new ServerHandle(value_of(std::move(made))), nb::rv_policy::take_ownership);
  });
}

}  // namespace leat

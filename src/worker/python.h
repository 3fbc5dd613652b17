// The Python side of a worker, made from python/ when the program is built.
#pragma once

#include <string>
#include <vector>

namespace leat {

// What comes after a Python interpreter's name, so that it is a worker (WorkerSetup::arguments).
// What follows is ignored: room for what people should see in a list of processes.
std::vector<std::string> python_words();

}  // namespace leat

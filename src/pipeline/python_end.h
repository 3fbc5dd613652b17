// The interpreter that runs Python steps, and the Python that it runs them with.
#pragma once

#include <string>
#include <vector>

#include "leat/status.h"

namespace leat {

// The program: `name` is one, on PATH or with its folder, or a virtual environment's folder.
Result<std::string> find_python(const std::string& name);

// What it is to be called with: python/, which travels inside this program.
Result<std::vector<std::string>> python_arguments();

}  // namespace leat

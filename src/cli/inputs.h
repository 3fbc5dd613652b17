// Inputs of a pipeline from what a user typed: NAME=VALUE or NAME=@FILE.
#pragma once

#include <string>
#include <vector>

#include "leat/pipeline.h"

namespace leat {

// VALUE is text for BYTES inputs and JSON (a number or nested lists) for the others; @FILE is the
// file's bytes, or a file of such JSON. With a single input "NAME=" may be left out.
// kBadInput names the input and what is wrong.
Status read_inputs(const Pipeline& pipeline, const std::vector<std::string>& texts,
                   Request& request);

// What to add to the message of a call that failed with these: how to say what was maybe meant.
std::string input_hint(const std::vector<std::string>& texts);

Result<std::string> read_file(const std::string& path);

}  // namespace leat

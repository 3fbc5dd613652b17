// What a drawing of a plan shows, before it has a format: boxes, arrows between them, and the loops
// that boxes lie in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace leat {

struct Linked;

struct Drawing {
  enum class Kind : uint8_t { kInput, kOperator, kModel, kOutput };

  struct Box {
    Kind kind;
    std::vector<std::string> lines;  // the first is its name
    int loop = 0;
  };
  struct Arrow {
    int from = 0;  // boxes
    int to = 0;
    std::string label;
    bool condition = false;  // only decides whether `to` runs
    bool in_place = false;   // the value is built inside the batch of `to`
  };
  struct Loop {
    int parent = -1;
    std::string title;
  };

  std::string title;
  std::vector<Box> boxes;
  std::vector<Arrow> arrows;
  std::vector<Loop> loops;  // loops[0] is the pipeline itself; a parent stands before its children
};

Drawing drawing_of(const Linked& linked);

std::string as_mermaid(const Drawing& drawing);
std::string as_dot(const Drawing& drawing);
std::string as_svg(const Drawing& drawing);

}  // namespace leat

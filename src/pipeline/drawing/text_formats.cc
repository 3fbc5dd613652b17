// Drawings as text for other programs to lay out: Mermaid (Markdown viewers) and DOT (Graphviz).
#include "base/text.h"
#include "pipeline/drawing/drawing.h"

namespace leat {

namespace {

// Characters with a meaning in Mermaid are written as their numbers.
std::string for_mermaid(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("\"#&<>[]{}()|`;\\").find(c) != std::string_view::npos) {
      out += cat("#", static_cast<int>(c), ";");
    } else {
      out += c;
    }
  }
  return out;
}

std::string for_dot(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

using Quote = std::string (*)(std::string_view);

std::string joined(const std::vector<std::string>& lines, std::string_view between, Quote quote) {
  std::string out;
  for (const std::string& line : lines) {
    if (!out.empty()) out += between;
    out += quote(line);
  }
  return out;
}

// Writes what lies in loop `at`, the loops in it indented: box(i) and open(loop) give lines.
template <typename WriteBox, typename Open>
void write_loop(const Drawing& drawing, int at, int depth, std::string_view close,
                const WriteBox& box, const Open& open, std::string& out) {
  std::string indent(static_cast<size_t>(depth) * 2, ' ');
  for (size_t i = 0; i < drawing.boxes.size(); ++i) {
    if (drawing.boxes[i].loop == at) out += cat(indent, box(i), "\n");
  }
  for (size_t i = 1; i < drawing.loops.size(); ++i) {
    if (drawing.loops[i].parent != at) continue;
    out += cat(indent, open(i), "\n");
    write_loop(drawing, static_cast<int>(i), depth + 1, close, box, open, out);
    out += cat(indent, close, "\n");
  }
}

}  // namespace

std::string as_mermaid(const Drawing& drawing) {
  std::string out = "flowchart TD\n";
  constexpr const char* kOpen[] = {"([", "[", "[[", "(["};
  constexpr const char* kClose[] = {"])", "]", "]]", "])"};
  write_loop(
      drawing, 0, 1, "end",
      [&](size_t i) {
        const Drawing::Box& box = drawing.boxes[i];
        auto kind = static_cast<size_t>(box.kind);
        return cat("b", i, kOpen[kind], "\"", joined(box.lines, "<br>", for_mermaid), "\"",
                   kClose[kind]);
      },
      [&](size_t i) {
        return cat("subgraph l", i, "[\"", for_mermaid(drawing.loops[i].title), "\"]");
      },
      out);
  for (const Drawing::Arrow& arrow : drawing.arrows) {
    std::string label = arrow.label;
    if (arrow.in_place) label += label.empty() ? "in place" : ", in place";
    out += cat("  b", arrow.from,
               arrow.condition  ? " -.->"
               : arrow.in_place ? " ==>"
                                : " -->",
               label.empty() ? std::string() : cat("|\"", for_mermaid(label), "\"|"), " b",
               arrow.to, "\n");
  }
  return out;
}

std::string as_dot(const Drawing& drawing) {
  std::string out = cat("digraph \"", for_dot(drawing.title),
                        "\" {\n  node [fontname=\"sans-serif\", fontsize=11];\n"
                        "  edge [fontname=\"sans-serif\", fontsize=9];\n");
  constexpr const char* kStyle[] = {"shape=ellipse", "shape=box, style=rounded",
                                    "shape=box, style=filled, fillcolor=\"#dbeafe\", peripheries=2",
                                    "shape=ellipse, style=bold"};
  write_loop(
      drawing, 0, 1, "}",
      [&](size_t i) {
        const Drawing::Box& box = drawing.boxes[i];
        return cat("b", i, " [label=\"", joined(box.lines, "\\n", for_dot), "\", ",
                   kStyle[static_cast<size_t>(box.kind)], "];");
      },
      [&](size_t i) {
        return cat("subgraph cluster_", i, " { label=\"", for_dot(drawing.loops[i].title),
                   "\"; style=dashed;");
      },
      out);
  for (const Drawing::Arrow& arrow : drawing.arrows) {
    std::string label = arrow.label;
    if (arrow.in_place) label += label.empty() ? "in place" : ", in place";
    out += cat("  b", arrow.from, " -> b", arrow.to, " [label=\"", for_dot(label), "\"",
               arrow.condition  ? ", style=dashed"
               : arrow.in_place ? ", penwidth=2.5"
                                : "",
               "];\n");
  }
  return out + "}\n";
}

}  // namespace leat

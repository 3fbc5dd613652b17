#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "pipeline/drawing/drawing.h"
#include "pipeline/drawing/layout.h"

namespace leat {

namespace {

constexpr double kNameSize = 13, kLineSize = 11, kLabelSize = 10;  // of letters, in pixels

size_t letters(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Fonts differ: this is enough for the usual ones.
double width_of(std::string_view text, double size) {
  return static_cast<double>(letters(text)) * size * 0.58;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

// In tenths of a pixel: enough, and short.
double tenth(double value) { return std::round(value * 10) / 10; }

std::string label_of(const Drawing::Arrow& arrow) {
  if (!arrow.in_place) return arrow.label;
  return arrow.label.empty() ? "in place" : cat(arrow.label, ", in place");
}

Point size_of(const Drawing::Box& box) {
  double width = 60;
  for (size_t i = 0; i < box.lines.size(); ++i) {
    width = std::max(width, width_of(box.lines[i], i == 0 ? kNameSize * 1.05 : kLineSize) + 20);
  }
  return {width, kNameSize + 14 + static_cast<double>(box.lines.size() - 1) * (kLineSize + 4)};
}

void text(std::string& out, double x, double y, std::string_view style, std::string_view what) {
  out += cat("<text x=\"", tenth(x), "\" y=\"", tenth(y), "\" class=\"", style, "\">",
             escaped(what), "</text>\n");
}

void box(std::string& out, const Drawing::Box& drawn, const Rect& at) {
  constexpr const char* kStyle[] = {"io", "op", "model", "io"};
  bool round = drawn.kind == Drawing::Kind::kInput || drawn.kind == Drawing::Kind::kOutput;
  out += cat("<rect x=\"", tenth(at.x), "\" y=\"", tenth(at.y), "\" width=\"", tenth(at.width),
             "\" height=\"", tenth(at.height), "\" rx=\"", round ? 14 : 4, "\" class=\"",
             kStyle[static_cast<size_t>(drawn.kind)], "\"/>\n");
  double y = at.y + 7 + kNameSize * 0.85;
  for (size_t i = 0; i < drawn.lines.size(); ++i) {
    text(out, at.x + at.width / 2, y, i == 0 ? "name" : "line", drawn.lines[i]);
    y += kLineSize + 4;
  }
}

void arrow(std::string& out, const Drawing::Arrow& drawn, const std::vector<Point>& points) {
  out += cat("<path class=\"",
             drawn.condition  ? "when"
             : drawn.in_place ? "place"
                              : "arrow",
             "\" d=\"M", tenth(points[0].x), " ", tenth(points[0].y));
  for (size_t i = 1; i < points.size(); ++i) {
    Point a = points[i - 1], b = points[i];
    if (std::abs(a.x - b.x) < 0.5) {
      out += cat("L", tenth(b.x), " ", tenth(b.y));
      continue;
    }
    double middle = (a.y + b.y) / 2;
    out += cat("C", tenth(a.x), " ", tenth(middle), " ", tenth(b.x), " ", tenth(middle), " ",
               tenth(b.x), " ", tenth(b.y));
  }
  out += "\"/>\n";
}

constexpr const char* kHead = R"(<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4"
 markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"
 fill="#475569"/></marker></defs>
<style>
text { font-family: sans-serif; text-anchor: middle; fill: #0f172a }
.name { font-size: 13px; font-weight: bold }
.line { font-size: 11px; fill: #334155 }
.label { font-size: 10px; fill: #334155; stroke: #fff; stroke-width: 3px; paint-order: stroke }
.title { font-size: 11px; fill: #475569; text-anchor: start }
.io { fill: #f1f5f9; stroke: #64748b }
.op { fill: #fff; stroke: #334155 }
.model { fill: #dbeafe; stroke: #1d4ed8; stroke-width: 1.5px }
.loop { fill: #fefce8; stroke: #a16207; stroke-dasharray: 5 3 }
.arrow, .when, .place { fill: none; stroke: #475569; marker-end: url(#head) }
.when { stroke-dasharray: 4 3 }
.place { stroke-width: 2.5px }
</style>
)";

}  // namespace

std::string as_svg(const Drawing& drawing) {
  Sizes sizes{.boxes = {}, .labels = {}, .label_height = 14, .title_height = 16};
  for (const Drawing::Box& drawn : drawing.boxes) sizes.boxes.push_back(size_of(drawn));
  for (const Drawing::Arrow& drawn : drawing.arrows) {
    std::string label = label_of(drawn);
    sizes.labels.push_back(label.empty() ? 0 : width_of(label, kLabelSize) + 6);
  }
  Layout layout = lay_out(drawing, sizes);
  const Rect& page = layout.loops[0];
  auto width = static_cast<int64_t>(std::ceil(page.width));
  auto height = static_cast<int64_t>(std::ceil(page.height));
  std::string out =
      cat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", width, " ", height,
          "\" width=\"", width, "\" height=\"", height, "\">\n<title>", escaped(drawing.title),
          "</title>\n", kHead, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  for (size_t i = 1; i < drawing.loops.size(); ++i) {
    const Rect& at = layout.loops[i];
    out += cat("<rect x=\"", tenth(at.x), "\" y=\"", tenth(at.y), "\" width=\"", tenth(at.width),
               "\" height=\"", tenth(at.height), "\" rx=\"6\" class=\"loop\"/>\n");
    text(out, at.x + 8, at.y + 15, "title", drawing.loops[i].title);
  }
  for (size_t i = 0; i < drawing.arrows.size(); ++i) {
    arrow(out, drawing.arrows[i], layout.arrows[i]);
  }
  for (size_t i = 0; i < drawing.boxes.size(); ++i) box(out, drawing.boxes[i], layout.boxes[i]);
  for (size_t i = 0; i < drawing.arrows.size(); ++i) {
    std::string label = label_of(drawing.arrows[i]);
    if (label.empty()) continue;
    text(out, layout.labels[i].x, layout.labels[i].y + 3.5, "label", label);
  }
  return out + "</svg>\n";
}

}  // namespace leat

// Loops are laid out from the innermost outwards: a finished loop is one element of the level
// around it. An arrow that crosses frames is one link on each level; on a frame it passes an
// element without size, so that the levels agree where it goes through.
#include "pipeline/drawing/layout.h"

#include <algorithm>
#include <map>

#include "pipeline/drawing/level.h"

namespace leat {

namespace {

constexpr double kPadding = 14;  // inside a frame
constexpr double kSpread = 18;   // between arrows that meet at a box, at most

size_t at(int i) { return static_cast<size_t>(i); }

class Pages {
 public:
  Pages(const Drawing& drawing, const Sizes& sizes)
      : drawing_(drawing), sizes_(sizes), pages_(drawing.loops.size()) {
    for (size_t i = pages_.size(); i-- > 0;) build(static_cast<int>(i));
    out_.boxes.resize(drawing.boxes.size());
    out_.loops.resize(drawing.loops.size());
    out_.labels.resize(drawing.arrows.size());
    Point size = pages_[0].level.size();
    out_.loops[0] = {0, 0, size.x + 2 * kPadding, size.y + 2 * kPadding};
    for (size_t i = 0; i < pages_.size(); ++i) lift(static_cast<int>(i));
    for (size_t i = 0; i < drawing.arrows.size(); ++i) out_.arrows.push_back(way(i));
    spread(true);
    spread(false);
  }
  Layout take() { return std::move(out_); }

 private:
  struct Page {
    Level level;
    std::map<int, int> boxes, loops;       // to elements
    std::map<size_t, int> entries, exits;  // of arrows, on the frame: elements
    std::map<size_t, int> links;           // of arrows
    std::map<size_t, bool> labelled;
    Point origin;  // of the level, on the paper
  };

  double title(int loop) const { return loop == 0 ? 0 : sizes_.title_height; }

  // The loop directly in `around` that holds `loop`; -1 if `loop` is not in it; `around` itself if
  // they are the same.
  int child_on_way(int around, int loop) const {
    int below = loop;
    while (loop >= 0 && loop != around) {
      below = loop;
      loop = drawing_.loops[at(loop)].parent;
    }
    return loop < 0 ? -1 : below;
  }

  struct End {
    int element = -1;
    double x = 0;    // from its middle
    int child = -1;  // the end lies in this loop
    bool outside = false;
  };

  End end_of(int loop, size_t arrow, int box, bool is_from) {
    Page& page = pages_[at(loop)];
    int home = drawing_.boxes[at(box)].loop;
    int child = child_on_way(loop, home);
    if (child < 0) return {-1, 0, -1, true};
    if (home == loop) return {page.boxes.at(box), 0, -1, false};
    Page& inner = pages_[at(child)];
    auto& ports = is_from ? inner.exits : inner.entries;
    auto port = ports.find(arrow);
    if (port == ports.end()) return {page.loops.at(child), 0, child, false};
    Rect place = inner.level.element(port->second);
    return {page.loops.at(child), place.x - inner.level.size().x / 2, child, false};
  }

  void build(int loop) {
    Page& page = pages_[at(loop)];
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) {
      if (drawing_.boxes[i].loop != loop) continue;
      page.boxes[static_cast<int>(i)] = page.level.add_element(sizes_.boxes[i]);
    }
    for (size_t i = 1; i < drawing_.loops.size(); ++i) {
      if (drawing_.loops[i].parent != loop) continue;
      Point size = pages_[i].level.size();
      double width = std::max(size.x, sizes_.title_height * 8);
      page.loops[static_cast<int>(i)] = page.level.add_element(
          {width + 2 * kPadding, size.y + 2 * kPadding + title(static_cast<int>(i))});
    }
    for (size_t i = 0; i < drawing_.arrows.size(); ++i) {
      const Drawing::Arrow& arrow = drawing_.arrows[i];
      End from = end_of(loop, i, arrow.from, true), to = end_of(loop, i, arrow.to, false);
      if (from.outside && to.outside) continue;
      if (from.child >= 0 && from.child == to.child) continue;
      bool label = !from.outside && !to.outside;
      if (from.outside) {
        from.element = page.entries[i] = page.level.add_element({0, 0}, Level::Where::kTop);
      }
      if (to.outside) {
        to.element = page.exits[i] = page.level.add_element({0, 0}, Level::Where::kBottom);
      }
      page.links[i] =
          page.level.add_link(from.element, to.element, from.x, to.x, label ? sizes_.labels[i] : 0);
      page.labelled[i] = label;
    }
    page.level.place(sizes_.label_height);
  }

  // From a level's own coordinates to the paper's, the loops around it first.
  void lift(int loop) {
    Page& page = pages_[at(loop)];
    const Rect& frame = out_.loops[at(loop)];
    double spare = frame.width - 2 * kPadding - page.level.size().x;
    page.origin = {frame.x + kPadding + spare / 2, frame.y + kPadding + title(loop)};
    auto lifted = [&](int element) {
      Rect rect = page.level.element(element);
      return Rect{rect.x + page.origin.x, rect.y + page.origin.y, rect.width, rect.height};
    };
    for (auto [box, element] : page.boxes) out_.boxes[at(box)] = lifted(element);
    for (auto [child, element] : page.loops) out_.loops[at(child)] = lifted(element);
    for (auto [arrow, link] : page.links) {
      if (!page.labelled[arrow]) continue;
      Point point = page.level.label(link);
      out_.labels[arrow] = {point.x + page.origin.x, point.y + page.origin.y};
    }
  }

  std::vector<Point> way(size_t arrow) const {
    int from = drawing_.boxes[at(drawing_.arrows[arrow].from)].loop;
    int to = drawing_.boxes[at(drawing_.arrows[arrow].to)].loop;
    std::vector<int> levels, down;
    int common = to;
    while (child_on_way(common, from) < 0) {
      down.push_back(common);
      common = drawing_.loops[at(common)].parent;
    }
    for (int loop = from; loop != common; loop = drawing_.loops[at(loop)].parent) {
      levels.push_back(loop);
    }
    levels.push_back(common);
    levels.insert(levels.end(), down.rbegin(), down.rend());
    std::vector<Point> points;
    for (int loop : levels) {
      const Page& page = pages_[at(loop)];
      for (Point point : page.level.points(page.links.at(arrow))) {
        points.push_back({point.x + page.origin.x, point.y + page.origin.y});
      }
    }
    return points;
  }

  // Arrows that begin (or end) at one box share its edge, in the order in which they go on.
  void spread(bool beginnings) {
    std::map<int, std::vector<size_t>> by_box;
    for (size_t i = 0; i < drawing_.arrows.size(); ++i) {
      by_box[beginnings ? drawing_.arrows[i].from : drawing_.arrows[i].to].push_back(i);
    }
    auto end = [&](size_t i) -> Point& {
      return beginnings ? out_.arrows[i].front() : out_.arrows[i].back();
    };
    auto next = [&](size_t i) {
      const auto& points = out_.arrows[i];
      return beginnings ? points[1].x : points[points.size() - 2].x;
    };
    for (auto& [box, arrows] : by_box) {
      std::ranges::stable_sort(arrows, [&](size_t a, size_t b) { return next(a) < next(b); });
      double step =
          std::min(kSpread, out_.boxes[at(box)].width * 0.8 / static_cast<double>(arrows.size()));
      for (size_t i = 0; i < arrows.size(); ++i) {
        end(arrows[i]).x +=
            step * (static_cast<double>(i) - static_cast<double>(arrows.size() - 1) / 2);
      }
    }
  }

  const Drawing& drawing_;
  const Sizes& sizes_;
  std::vector<Page> pages_;
  Layout out_;
};

}  // namespace

Layout lay_out(const Drawing& drawing, const Sizes& sizes) { return Pages(drawing, sizes).take(); }

}  // namespace leat

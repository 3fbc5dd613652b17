#include "pipeline/drawing/level.h"

#include <algorithm>
#include <numeric>

namespace leat {

namespace {
constexpr double kBeside = 24;  // pixels between neighbours of a layer
constexpr double kBelow = 14;   // and between layers
constexpr int kSweeps = 12;
constexpr int kPulls = 100;
size_t at(int i) { return static_cast<size_t>(i); }
}  // namespace

int Level::add_element(Point size, Where where) {
  vertices_.push_back({.size = size});
  where_.push_back(where);
  return static_cast<int>(vertices_.size()) - 1;
}

int Level::add_link(int from, int to, double from_x, double to_x, double label_width) {
  links_.push_back({from, to, from_x, to_x, label_width});
  return static_cast<int>(links_.size()) - 1;
}

void Level::place(double label_height) {
  rank();
  split_links();
  order();
  settle_x();
  settle_y(label_height);
}

// Layers of elements are even. Links that would close a cycle (a loop that is entered again) do not
// count.
void Level::rank() {
  size_t count = vertices_.size();
  std::vector<std::vector<int>> next(count);
  std::vector<int> state(count), finished;
  for (const Link& link : links_) next[at(link.from)].push_back(link.to);
  std::vector<std::pair<int, int>> forward;
  auto visit = [&](auto& self, int v) -> void {
    state[at(v)] = 1;
    for (int w : next[at(v)]) {
      if (state[at(w)] == 1) continue;
      forward.emplace_back(v, w);
      if (state[at(w)] == 0) self(self, w);
    }
    state[at(v)] = 2;
    finished.push_back(v);
  };
  for (size_t v = 0; v < count; ++v) {
    if (state[v] == 0) visit(visit, static_cast<int>(v));
  }
  bool tops = std::ranges::count(where_, Where::kTop) > 0;
  std::vector<int> ranks(count, 0);
  int last = 0;
  for (auto v = finished.rbegin(); v != finished.rend(); ++v) {
    if (tops && where_[at(*v)] != Where::kTop) ranks[at(*v)] = std::max(ranks[at(*v)], 1);
    for (auto [from, to] : forward) {
      if (from == *v) ranks[at(to)] = std::max(ranks[at(to)], ranks[at(from)] + 1);
    }
    last = std::max(last, ranks[at(*v)]);
  }
  // What nothing leads to stands just above what needs it.
  for (int v : finished) {
    bool free = where_[at(v)] == Where::kInside;
    int nearest = last + 1;
    for (auto [from, to] : forward) {
      free &= to != v;
      if (from == v) nearest = std::min(nearest, ranks[at(to)]);
    }
    if (free && nearest <= last) ranks[at(v)] = nearest - 1;
  }
  bool bottoms = std::ranges::count(where_, Where::kBottom) > 0;
  if (bottoms) {
    last = 0;
    for (size_t v = 0; v < count; ++v) {
      if (where_[v] != Where::kBottom) last = std::max(last, ranks[v] + 1);
    }
  }
  for (size_t v = 0; v < count; ++v) {
    if (where_[v] == Where::kBottom) ranks[v] = last;
    vertices_[v].layer = 2 * ranks[v];
  }
}

void Level::split_links() {
  for (Link& link : links_) {
    int first = vertices_[at(link.from)].layer, last = vertices_[at(link.to)].layer;
    if (last <= first) continue;
    int before = link.from;
    double before_x = link.from_x;
    for (int layer = first + 1; layer < last; ++layer) {
      int v = static_cast<int>(vertices_.size());
      double width = layer == last - 1 ? link.label_width : 0;
      vertices_.push_back({.size = {width, 0}, .layer = layer, .weight = 4});
      link.between.push_back(v);
      edges_.push_back({before, v, before_x, 0});
      before = v;
      before_x = 0;
    }
    edges_.push_back({before, link.to, before_x, link.to_x});
  }
  int layers = 0;
  for (const Vertex& vertex : vertices_) layers = std::max(layers, vertex.layer + 1);
  layers_.resize(at(layers));
  position_.resize(vertices_.size());
  for (size_t v = 0; v < vertices_.size(); ++v) {
    auto& layer = layers_[at(vertices_[v].layer)];
    position_[v] = static_cast<int>(layer.size());
    layer.push_back(static_cast<int>(v));
  }
}

size_t Level::crossings() const {
  size_t count = 0;
  for (size_t i = 0; i < edges_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Edge &a = edges_[i], &b = edges_[j];
      if (vertices_[at(a.from)].layer != vertices_[at(b.from)].layer) continue;
      auto side = [](int p, double px, int q, double qx) {
        return p != q ? p - q : px < qx ? -1 : px > qx ? 1 : 0;
      };
      int above = side(position_[at(a.from)], a.from_x, position_[at(b.from)], b.from_x);
      int below = side(position_[at(a.to)], a.to_x, position_[at(b.to)], b.to_x);
      count += (above < 0 && below > 0) || (above > 0 && below < 0);
    }
  }
  return count;
}

// By the mean position of the neighbours above (or below).
void Level::sort_layer(size_t layer, bool downwards) {
  std::vector<double> sum(vertices_.size()), count(vertices_.size());
  for (const Edge& edge : edges_) {
    int mine = downwards ? edge.to : edge.from, other = downwards ? edge.from : edge.to;
    if (vertices_[at(mine)].layer != static_cast<int>(layer)) continue;
    double across = downwards ? edge.from_x : edge.to_x;
    double width = std::max(vertices_[at(other)].size.x, 1.0);
    sum[at(mine)] += position_[at(other)] + across / width;
    count[at(mine)] += 1;
  }
  auto key = [&](int v) {
    return count[at(v)] > 0 ? sum[at(v)] / count[at(v)] : static_cast<double>(position_[at(v)]);
  };
  std::ranges::stable_sort(layers_[layer], [&](int a, int b) { return key(a) < key(b); });
  for (size_t i = 0; i < layers_[layer].size(); ++i) {
    position_[at(layers_[layer][i])] = static_cast<int>(i);
  }
}

void Level::order() {
  auto best = layers_;
  size_t fewest = crossings();
  for (int sweep = 0; sweep < kSweeps && fewest > 0; ++sweep) {
    bool downwards = sweep % 2 == 0;
    for (size_t i = 0; i < layers_.size(); ++i) {
      sort_layer(downwards ? i : layers_.size() - 1 - i, downwards);
    }
    if (size_t now = crossings(); now < fewest) {
      fewest = now;
      best = layers_;
    }
  }
  layers_ = best;
  for (const auto& layer : layers_) {
    for (size_t i = 0; i < layer.size(); ++i) position_[at(layer[i])] = static_cast<int>(i);
  }
}

// Moves the vertices of a layer as near as possible to where their neighbours are (least squares),
// keeping order and distances: the pool-adjacent-violators method.
void Level::pull_layer(size_t layer) {
  const std::vector<int>& row = layers_[layer];
  std::vector<double> sum(vertices_.size()), weight(vertices_.size());
  for (const Edge& edge : edges_) {
    double w = vertices_[at(edge.from)].weight * vertices_[at(edge.to)].weight;
    auto pull = [&](int v, double to) {
      sum[at(v)] += w * to;
      weight[at(v)] += w;
    };
    if (vertices_[at(edge.to)].layer == static_cast<int>(layer)) {
      pull(edge.to, vertices_[at(edge.from)].x + edge.from_x - edge.to_x);
    }
    if (vertices_[at(edge.from)].layer == static_cast<int>(layer)) {
      pull(edge.from, vertices_[at(edge.to)].x + edge.to_x - edge.from_x);
    }
  }
  struct Group {
    double sum, weight;
    size_t count;
    double mean() const { return sum / weight; }
  };
  std::vector<Group> groups;
  std::vector<double> offset(row.size());
  for (size_t i = 0; i < row.size(); ++i) {
    const Vertex& vertex = vertices_[at(row[i])];
    if (i > 0) {
      offset[i] = offset[i - 1] + kBeside + (vertex.size.x + vertices_[at(row[i - 1])].size.x) / 2;
    }
    double w = std::max(weight[at(row[i])], 1e-3);
    double want = weight[at(row[i])] > 0 ? sum[at(row[i])] / weight[at(row[i])] : vertex.x;
    groups.push_back({w * (want - offset[i]), w, 1});
    while (groups.size() > 1 && groups[groups.size() - 2].mean() > groups.back().mean()) {
      Group last = groups.back();
      groups.pop_back();
      groups.back().sum += last.sum;
      groups.back().weight += last.weight;
      groups.back().count += last.count;
    }
  }
  size_t i = 0;
  for (const Group& group : groups) {
    for (size_t k = 0; k < group.count; ++k, ++i) {
      vertices_[at(row[i])].x = group.mean() + offset[i];
    }
  }
}

void Level::settle_x() {
  for (size_t i = 0; i < layers_.size(); ++i) pull_layer(i);
  for (int sweep = 0; sweep < kPulls; ++sweep) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      pull_layer(sweep % 2 == 0 ? i : layers_.size() - 1 - i);
    }
  }
  double left = 1e300, right = -1e300;
  for (const Vertex& vertex : vertices_) {
    left = std::min(left, vertex.x - vertex.size.x / 2);
    right = std::max(right, vertex.x + vertex.size.x / 2);
  }
  for (Vertex& vertex : vertices_) vertex.x -= left;
  size_.x = vertices_.empty() ? 0 : right - left;
}

void Level::settle_y(double label_height) {
  height_.assign(layers_.size(), 0);
  top_.assign(layers_.size(), 0);
  double y = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    for (int v : layers_[i]) {
      double height =
          i % 2 == 1 && vertices_[at(v)].size.x > 0 ? label_height : vertices_[at(v)].size.y;
      height_[i] = std::max(height_[i], height);
    }
    if (i > 0) y += kBelow;
    top_[i] = y;
    y += height_[i];
  }
  size_.y = y;
}

Rect Level::element(int i) const {
  const Vertex& vertex = vertices_[at(i)];
  return {vertex.x - vertex.size.x / 2, top_[at(vertex.layer)], vertex.size.x, vertex.size.y};
}

std::vector<Point> Level::points(int link) const {
  const Link& way = links_[at(link)];
  Rect from = element(way.from), to = element(way.to);
  std::vector<Point> points;
  points.push_back({from.x + from.width / 2 + way.from_x, from.y + from.height});
  for (int v : way.between) {
    size_t layer = at(vertices_[at(v)].layer);
    points.push_back({vertices_[at(v)].x, top_[layer]});
    if (height_[layer] > 0) points.push_back({vertices_[at(v)].x, top_[layer] + height_[layer]});
  }
  points.push_back({to.x + to.width / 2 + way.to_x, to.y});
  return points;
}

Point Level::label(int link) const {
  const Link& way = links_[at(link)];
  if (way.between.empty()) {
    Rect from = element(way.from), to = element(way.to);
    return {(from.x + to.x + (from.width + to.width) / 2) / 2, (from.y + from.height + to.y) / 2};
  }
  const Vertex& vertex = vertices_[at(way.between.back())];
  return {vertex.x, top_[at(vertex.layer)] + height_[at(vertex.layer)] / 2};
}

}  // namespace leat

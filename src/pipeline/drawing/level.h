// One level of a layout: elements of known size and the links between them become layers, as in
// Sugiyama's method. Ranks by longest path; a link that passes layers gets a vertex in each of
// them; the order within layers by barycentres; then coordinates. Between two ranks lies a layer
// for labels, so that a label never lies on a box, nor on another label.
#pragma once

#include <vector>

#include "pipeline/drawing/layout.h"

namespace leat {

class Level {
 public:
  enum class Where : uint8_t { kInside, kTop, kBottom };  // kTop, kBottom: on the frame
  int add_element(Point size, Where where = Where::kInside);
  // `from_x`, `to_x`: where on the element the link begins and ends, from its middle.
  int add_link(int from, int to, double from_x, double to_x, double label_width);
  void place(double label_height);

  // From place() on; the upper left corner of everything is 0, 0.
  Point size() const { return size_; }
  Rect element(int i) const;
  std::vector<Point> points(int link) const;
  Point label(int link) const;

 private:
  struct Vertex {
    Point size;
    int layer = 0;
    double x = 0;  // of its middle
    double weight = 1;
  };
  struct Link {
    int from, to;  // elements, which are the first vertices
    double from_x, to_x, label_width;
    std::vector<int> between{};  // vertices on the way
  };
  struct Edge {  // between neighbouring layers
    int from, to;
    double from_x, to_x;
  };

  void rank();
  void split_links();
  void order();
  void settle_x();
  void settle_y(double label_height);
  size_t crossings() const;
  void sort_layer(size_t layer, bool downwards);
  void pull_layer(size_t layer);

  std::vector<Vertex> vertices_;
  std::vector<Where> where_;
  std::vector<Link> links_;
  std::vector<Edge> edges_;
  std::vector<std::vector<int>> layers_;  // vertices from left to right
  std::vector<int> position_;             // of a vertex in its layer
  std::vector<double> top_, height_;      // by layer
  Point size_;
};

}  // namespace leat

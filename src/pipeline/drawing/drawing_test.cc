// Drawings of pipelines written down by hand: what an arrow says, and properties of every layout.
#include "pipeline/drawing/drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "pipeline/drawing/layout.h"

namespace leat {
namespace {

using Kind = Drawing::Kind;

Drawing things() {
  Drawing drawing;
  drawing.title = "things";
  drawing.loops = {{-1, "things"}, {0, "for each of found.boxes"}};
  drawing.boxes = {
      {Kind::kInput, {"photo", "BYTES"}, 0},
      {Kind::kOperator, {"decode", "image.decode", "at 1/1 or more"}, 0},
      {Kind::kOperator, {"prepare", "image.to_tensor", "416 x 416 FP32 NCHW, letterbox"}, 0},
      {Kind::kModel, {"detect", "yolox_nano_416.onnx", "2 at once"}, 0},
      {Kind::kOperator, {"found", "detect.yolox"}, 0},
      {Kind::kOperator, {"crop", "image.crop"}, 1},
      {Kind::kOperator, {"view", "image.to_tensor", "224 x 224 FP32 NCHW, cover"}, 1},
      {Kind::kModel, {"classify", "mobilenetv2-12-int8.onnx", "batch up to 16, waits 1 ms"}, 1},
      {Kind::kOperator, {"label", "tensor.top_k"}, 1},
      {Kind::kOperator, {"preview", "image.encode"}, 0},
      {Kind::kOutput, {"boxes", "FP32[n,4]"}, 0},
      {Kind::kOutput, {"labels", "BYTES[n,1]"}, 0},
      {Kind::kOutput, {"preview", "BYTES, may be absent"}, 0},
  };
  drawing.arrows = {{0, 1, ""},
                    {1, 2, "image"},
                    {2, 3, "tensor", false, true},
                    {3, 4, "output"},
                    {2, 4, "transform"},
                    {1, 5, "image"},
                    {4, 5, "boxes, a row"},
                    {5, 6, "image"},
                    {6, 7, "tensor", false, true},
                    {7, 8, "output"},
                    {1, 9, "image"},
                    {4, 9, "when size(found.boxes) == 0", true},
                    {4, 10, "boxes"},
                    {8, 11, "labels, gathered"},
                    {9, 12, "data"}};
  return drawing;
}

// Up to three loops, nested or not, and arrows that only go forward.
Drawing random_drawing(std::mt19937& random) {
  auto below = [&](size_t n) { return static_cast<int>(random() % n); };
  Drawing drawing;
  drawing.loops.push_back({-1, "random"});
  int loops = below(4);
  for (int i = 0; i < loops; ++i)
    drawing.loops.push_back({below(drawing.loops.size()), "for each"});
  int boxes = 2 + below(14);
  for (int i = 0; i < boxes; ++i) {
    drawing.boxes.push_back(
        {static_cast<Kind>(below(4)), {cat("step", i)}, below(drawing.loops.size())});
    for (int lines = below(3); lines > 0; --lines) drawing.boxes.back().lines.push_back("a line");
  }
  for (int arrows = below(20); arrows > 0; --arrows) {
    int to = 1 + below(static_cast<size_t>(boxes - 1));
    drawing.arrows.push_back({below(static_cast<size_t>(to)), to, below(3) ? "label" : "",
                              below(4) == 0, below(4) == 0});
  }
  return drawing;
}

bool around(const Drawing& drawing, int outer, int loop) {
  while (loop >= 0 && loop != outer) loop = drawing.loops[static_cast<size_t>(loop)].parent;
  return loop == outer;
}

TEST(Layout, NothingLiesOnAnything) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    Drawing drawing = random_drawing(random);
    Sizes sizes{.boxes = {}, .labels = {}, .label_height = 14, .title_height = 16};
    for (const auto& box : drawing.boxes) {
      sizes.boxes.push_back({80, 20 + 15.0 * static_cast<double>(box.lines.size())});
    }
    for (const auto& arrow : drawing.arrows) sizes.labels.push_back(arrow.label.empty() ? 0 : 40);
    Layout layout = lay_out(drawing, sizes);

    ASSERT_EQ(layout.boxes.size(), drawing.boxes.size());
    for (size_t i = 0; i < drawing.boxes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(layout.boxes[i].touches(layout.boxes[j])) << i << " " << j;
      }
      for (size_t loop = 0; loop < drawing.loops.size(); ++loop) {
        if (around(drawing, static_cast<int>(loop), drawing.boxes[i].loop)) {
          EXPECT_TRUE(layout.loops[loop].holds(layout.boxes[i])) << "box " << i << " loop " << loop;
        } else {
          EXPECT_FALSE(layout.loops[loop].touches(layout.boxes[i])) << i << " loop " << loop;
        }
      }
    }
    for (size_t i = 0; i < drawing.arrows.size(); ++i) {
      const Rect& from = layout.boxes[static_cast<size_t>(drawing.arrows[i].from)];
      const Rect& to = layout.boxes[static_cast<size_t>(drawing.arrows[i].to)];
      Point begin = layout.arrows[i].front(), end = layout.arrows[i].back();
      EXPECT_NEAR(begin.y, from.y + from.height, 0.01);
      EXPECT_NEAR(end.y, to.y, 0.01);
      EXPECT_TRUE(begin.x >= from.x && begin.x <= from.x + from.width);
      EXPECT_TRUE(end.x >= to.x && end.x <= to.x + to.width);
    }
  }
}

TEST(Layout, OfAChainIsAColumn) {
  Drawing drawing;
  drawing.loops.push_back({-1, "chain"});
  for (int i = 0; i < 4; ++i) drawing.boxes.push_back({Kind::kOperator, {"a"}, 0});
  for (int i = 0; i < 3; ++i) drawing.arrows.push_back({i, i + 1, "x"});
  Sizes sizes{.boxes = std::vector<Point>(4, {50, 20}),
              .labels = std::vector<double>(3, 30),
              .label_height = 14,
              .title_height = 16};
  Layout layout = lay_out(drawing, sizes);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_NEAR(layout.boxes[i].x, layout.boxes[0].x, 0.01);
    EXPECT_GT(layout.boxes[i].y, layout.boxes[i - 1].y + 20);
    EXPECT_GT(layout.labels[i - 1].y, layout.boxes[i - 1].y + 20);
    EXPECT_LT(layout.labels[i - 1].y, layout.boxes[i].y);
  }
}

// Every box, loop and arrow is in every format, and what means something there is escaped.
TEST(Formats, ShowEverything) {
  Drawing drawing = things();
  drawing.boxes[0].lines[0] = "a<b>&\"c\"";
  struct Row {
    std::string text;
    const char *in_place, *condition, *loop, *escaped;
  };
  const Row rows[] = {
      {as_mermaid(drawing), "b2 ==>|\"tensor, in place\"| b3",
       "b4 -.->|\"when size#40;found.boxes#41; == 0\"| b9",
       "subgraph l1[\"for each of found.boxes\"]", "\"a#60;b#62;#38;#34;c#34;<br>BYTES\""},
      {as_dot(drawing), "b2 -> b3 [label=\"tensor, in place\", penwidth=2.5];",
       "b4 -> b9 [label=\"when size(found.boxes) == 0\", style=dashed];",
       "subgraph cluster_1 { label=\"for each of found.boxes\"",
       "label=\"a<b>&\\\"c\\\"\\nBYTES\""},
      {as_svg(drawing), ">tensor, in place</text>", ">when size(found.boxes) == 0</text>",
       ">for each of found.boxes</text>", ">a&lt;b&gt;&amp;&quot;c&quot;</text>"}};
  for (const Row& row : rows) {
    for (const char* wanted : {row.in_place, row.condition, row.loop, row.escaped,
                               "yolox_nano_416.onnx", "batch up to 16, waits 1 ms"}) {
      EXPECT_THAT(row.text, testing::HasSubstr(wanted));
    }
  }
}

}  // namespace
}  // namespace leat

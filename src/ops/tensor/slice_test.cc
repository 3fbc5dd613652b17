#include <gmock/gmock.h>

#include <optional>

#include "ops/tensor/testing/numbers.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

// The elements of range(size)[begin:end:step], one after the other.
std::vector<int64_t> python(int64_t size, std::optional<int64_t> begin, std::optional<int64_t> end,
                            int64_t step) {
  std::vector<int64_t> out;
  int64_t i = begin ? (*begin < 0 ? *begin + size : *begin) : step > 0 ? 0 : size - 1;
  if (step > 0 && i < 0) i = 0;
  if (step < 0 && i >= size) i = size - 1;
  while (i >= 0 && i < size) {
    if (end) {
      const int64_t stop = *end < 0 ? *end + size : *end;
      if (step > 0 ? i >= stop : i <= std::max<int64_t>(stop, -1)) break;
    }
    out.push_back(i);
    i += step;
  }
  return out;
}

TEST(Slice, OneAxisAsInPython) {
  using Bound = std::optional<int64_t>;
  const Bound kBounds[] = {{}, 0, 1, 3, 4, 9, -1, -2, -4, -9};
  for (int64_t size : {0, 1, 4}) {
    const Tensor x = any_numbers(DType::kInt32, {size, 2}, 1);
    for (Bound begin : kBounds) {
      for (Bound end : kBounds) {
        for (int64_t step : {1, 2, 5, -1, -3}) {
          OpFixture op("tensor.slice");
          if (begin) op.param("begin", reals_of({*begin}));
          if (end) op.param("end", reals_of({*end}));
          op.param("step", reals_of({step})).input("x", x);
          Status status = op.run();
          ASSERT_TRUE(status.ok()) << status.message();
          const auto rows = python(size, begin, end, step);
          const Tensor& y = op["y"];
          ASSERT_EQ(y.shape(), (Shape{static_cast<int64_t>(rows.size()), 2}))
              << size << " from " << begin.value_or(99) << " to " << end.value_or(99) << " by "
              << step;
          ASSERT_EQ(op.promised()[0].shape(), y.shape());
          for (size_t i = 0; i < 2 * rows.size(); ++i) {
            ASSERT_TRUE(same_element(x, static_cast<size_t>(2 * rows[i / 2]) + i % 2, y, i));
          }
        }
      }
    }
  }
}

TEST(Slice, SeveralAxes) {
  const struct {
    std::vector<double> axes, begin, end, step;
  } kCases[] = {{{0, 1}, {1}, {3}, {1}},
                {{-1, 0}, {0, 1}, {2, 4}, {1, 2}},
                {{1}, {2}, {3}, {1}},
                {{2, 1, 0}, {-1}, {-9}, {-1}},
                {{0, 2}, {3, 0}, {1, 9}, {1}},
                {{1}, {0}, {9}, {1}},
                {{0, 1, 2}, {0, 1, 1}, {9}, {3, 1, 2}}};
  const Shape shapes[] = {{4, 3, 5}, {1, 4, 3}, {1, 1, 4}, {3, 4, 2, 2}};
  for (DType type : {DType::kBool, DType::kBf16, DType::kFp32, DType::kInt64, DType::kBytes}) {
    for (const Shape& shape : shapes) {
      const Tensor x = any_values(type, shape, 1);
      for (const auto& [axes, begin, end, step] : kCases) {
        OpFixture op("tensor.slice");
        op.param("axes", axes).param("begin", begin).param("end", end).param("step", step);
        op.input("x", x);
        Status status = op.run();
        ASSERT_TRUE(status.ok()) << status.message();
        std::vector<std::vector<int64_t>> kept;
        for (int64_t size : shape.dims()) kept.push_back(python(size, {}, {}, 1));
        Shape result = shape;
        for (size_t i = 0; i < axes.size(); ++i) {
          const auto of = [i](const std::vector<double>& all) {
            return static_cast<int64_t>(all[all.size() == 1 ? 0 : i]);
          };
          const int axis = static_cast<int>(axes[i] < 0 ? axes[i] + shape.rank() : axes[i]);
          auto& places = kept[static_cast<size_t>(axis)];
          places = python(shape[axis], of(begin), of(end), of(step));
          result.set(axis, static_cast<int64_t>(places.size()));
        }
        const Tensor& y = op["y"];
        ASSERT_EQ(y.shape(), result);
        for (size_t i = 0; i < count(result); ++i) {
          Place at = place(result, i);
          for (size_t k = 0; k < at.size(); ++k) at[k] = kept[k][static_cast<size_t>(at[k])];
          ASSERT_TRUE(same_element(x, index(shape, at), y, i)) << shape.text() << " at " << i;
        }
      }
    }
  }
}

TEST(Slice, WhatLiesTogetherIsAView) {
  const auto sliced = [](const Tensor& x, double axis, double begin, double end) {
    OpFixture op("tensor.slice");
    op.param("axes", std::vector{axis}).param("begin", std::vector{begin});
    op.param("end", std::vector{end}).input("x", x);
    EXPECT_TRUE(op.run().ok());
    return op["y"];
  };
  for (DType type : {DType::kFp32, DType::kBytes}) {
    const Tensor x = any_values(type, {4, 3}, 1), lone = any_values(type, {1, 4, 3}, 1);
    const size_t row = 3 * dtype_size(type);
    EXPECT_EQ(sliced(x, 0, 1, 3).data(), x.data() + row);
    EXPECT_EQ(sliced(x, 0, 0, 4).data(), x.data());
    EXPECT_EQ(sliced(x, 0, 4, 4).shape(), (Shape{0, 3}));
    EXPECT_EQ(sliced(lone, 1, 2, 4).data(), lone.data() + 2 * row);
    EXPECT_NE(sliced(x, 1, 0, 2).data(), x.data());
  }
}

TEST(Slice, Refusals) {
  const auto message = [](auto set) {
    OpFixture op("tensor.slice");
    op.input("x", any_numbers(DType::kFp32, {4, 3}, 1));
    set(op);
    return op.make().message();
  };
  using List = std::vector<double>;
  EXPECT_THAT(message([](OpFixture& op) { op.param("step", List{0}); }),
              HasSubstr("step: 0 found"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("axes", List{2}); }),
              HasSubstr("axis is 2, but x has 2 dimensions"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("axes", List{}); }), HasSubstr("axes: none"));
  EXPECT_THAT(message([](OpFixture& op) {
                op.param("axes", List{0, -2});
              }),
              HasSubstr("axis -2 is there twice"));
  EXPECT_THAT(message([](OpFixture& op) {
                op.param("begin", List{0, 1});
              }),
              HasSubstr("begin has 2 numbers for 1 axis"));
  EXPECT_THAT(message([](OpFixture& op) { op.param("end", List{0.5}); }),
              HasSubstr("end: 0.5 found, whole numbers wanted"));
}

}  // namespace
}  // namespace leat

// A pipeline as data: what a random pipeline is before it is printed as a file for the engine or
// evaluated by the interpreter. It says outright which loop every step is in; in the file only
// for_each and references say so, which the checker has to understand alike.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "pipeline/testing/parts.h"
#include "pipeline/testing/plain.h"

namespace leat::toy {

struct Ref {
  enum class Kind : uint8_t { kInput, kStep, kGather, kRows, kIndex, kConstant };
  Kind kind = Kind::kInput;
  int at = 0;  // of the lists in Toy; kRows: of gathers
  int port = 0;
  bool operator==(const Ref&) const = default;
};

// One reference of a step's input.
struct Choice {
  std::vector<Ref> alternatives;  // first_of, if several
  bool optional = false;
};

struct Collected {
  enum class Absent : uint8_t { kFail, kDrop, kUse };
  Ref inner;
  Absent absent = Absent::kFail;
  Plain use;
};

// `when`, in one of a few forms, all of a reference and a number.
struct Condition {
  enum class Form : uint8_t {
    kEven,       // r % 2 == 0
    kLess,       // r < n
    kLong,       // size(r) > n
    kPresent,    // present(r)
    kAbsent,     // not present(r)
    kLargest,    // max(r) >= n: an error where there are no elements
    kElement,    // r[n] > 0: an error where there is no such element
    kBothIndex,  // present(r) and index < n
  };
  Form form = Form::kEven;
  Ref ref;
  int64_t number = 0;
};

enum class Trouble : uint8_t { kFail, kSkip, kUse };

struct ToyStep {
  std::string name;
  int part = 0;   // of parts()
  int64_t n = 1;  // its parameter
  int scope = 0;
  std::vector<std::vector<Choice>> inputs;  // by port
  std::vector<Ref> for_each;                // as the file says it; may be a part of the loop's
  std::vector<Condition> when;              // none or one
  Trouble on_error = Trouble::kFail;
  std::vector<Plain> use;     // by output; absent: not named
  std::string options;        // ", batch: {...}" and the like, as the file has it
  bool may_overload = false;  // its queue refuses or drops
  bool may_time_out = false;
};

struct ToyScope {
  int parent = -1;
  std::vector<Ref> lists;
  int depth = 0;
};

struct ToyInput {
  std::string name;
  DType dtype = DType::kInt64;
  std::vector<int64_t> dims = {};
  bool optional = false;
  Plain fallback = {};
};

struct ToyOutput {
  std::string name;
  std::vector<Ref> alternatives;
};

struct Toy {
  std::string name;
  bool batched = false;
  std::vector<ToyInput> inputs;
  std::vector<ToyScope> scopes;  // 0: outside of loops; parents first
  std::vector<ToyStep> steps;    // each after what it uses
  std::vector<Collected> gathers;
  std::vector<Plain> constants;
  std::vector<ToyOutput> outputs;
  std::vector<int> order;  // of the steps in the file
};

// The scope that holds the value. Not of index and constants.
int home(const Toy& toy, const Ref& ref);

std::string yaml(const Toy& toy);

using Dice = std::mt19937_64;
// The same dice give the same pipeline.
Toy random_toy(Dice& dice, const std::string& name);
// Inputs for a call of `items` items (1 unless batched), by input: one Plain an item.
std::vector<std::vector<Plain>> random_inputs(const Toy& toy, Dice& dice, int64_t items);

}  // namespace leat::toy

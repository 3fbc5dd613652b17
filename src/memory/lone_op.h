// One operator without a pipeline.
//
//   auto op = LoneOp::make(*OpCatalogue::find("image.decode"), {}, 1);
//   const Tensor* photo = ...;
//   std::span<const Tensor* const> ports[] = {{&photo, 1}};
//   Tensor outputs[1];
//   Status status = (*op)->run(ports, outputs);
//
// It is made for its declared types, not for those of some values, and so serves values of all
// shapes that the signature takes.
//
// Threads: run() may be called from many at once.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "leat/op.h"

namespace leat {

// The values of one run held against a signature: a dimension's name stands for the same size
// everywhere in it.
class SignatureCheck {
 public:
  // kBadInput says what was given and what is wanted.
  Status fits(const Type& type, const Tensor& value);

 private:
  std::vector<std::pair<std::string, int64_t>> sizes_;
};

class LoneOp {
 public:
  // `connected`: bit i says that input port i has a value, which matters for optional ones.
  static Result<std::unique_ptr<LoneOp>> make(const OpSpec& spec,
                                              const std::map<std::string, ParamValue>& given,
                                              uint64_t connected);

  // `inputs`: by port, none for one that is not connected. `outputs`: by port, absent where it
  // needs something that was not given. Inputs are checked against the signature.
  Status run(std::span<const std::span<const Tensor* const>> inputs,
             std::span<Tensor> outputs) const;

  const OpSpec& spec() const { return spec_; }

 private:
  explicit LoneOp(const OpSpec& spec) : spec_(spec) {}

  const OpSpec& spec_;
  std::vector<Type> types_;  // of the input ports
  Params params_;            // some operators keep a reference
  std::unique_ptr<Op> op_;
};

}  // namespace leat

// What tests need of an engine beyond leat/pipeline.h: models of their own, and the hand that moves
// a manual engine.
#pragma once

#include <memory>

#include "leat/pipeline.h"
#include "pipeline/plan.h"

namespace leat {

class Executor;

// An engine whose models come from `models` and not from files.
std::shared_ptr<Engine> make_engine(const EngineOptions& options,
                                    std::shared_ptr<ModelSource> models);

// Of an engine from make_engine() or Engine::make(). Where the clock is a manual one, nothing
// happens until somebody calls work() on it.
Executor& executor_of(Engine& engine);

}  // namespace leat

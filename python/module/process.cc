#include "process.h"

#include <pthread.h>

#include <atomic>

#include "courier.h"
#include "engine.h"
#include "memory/arena.h"

namespace leat {

namespace {
std::atomic<uint32_t> forks{0};
}  // namespace

uint32_t generation() { return forks.load(std::memory_order_relaxed); }

void follow_forks() {
  pthread_atfork([] { Arena::before_fork(); }, [] { Arena::after_fork(); },
                 [] {
                   Arena::after_fork();
                   forks.fetch_add(1);
                 });
}

void close_module() {
  end_engines();
  Courier::close();
}

}  // namespace leat

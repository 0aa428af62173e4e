#include "pool.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace durian {
namespace {

/** TF_NUM_INTRAOP_THREADS, which also counts TensorFlow's own threads; without it, what the machine has. */
int64_t threadCount() {
  const char* named = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int64_t wanted = named == nullptr ? 0 : std::strtol(named, nullptr, 10);
  const int64_t there = std::thread::hardware_concurrency();
  return wanted > 0 ? wanted : there > 0 ? there : 1;
}

/** Helpers sleep until there is work. They are made by the first work that is large enough, and never end: the process's end ends them. */
class Pool {
 public:
  void share(int64_t pieces, void (*run)(void*, int64_t), void* context) {
    // one kernel at a time has the helpers; a second that runs meanwhile computes alone
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn.owns_lock() || !start()) {
      for (int64_t piece = 0; piece < pieces; piece++) run(context, piece);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      run_ = run;
      context_ = context;
      pieces_ = pieces;
      next_ = 0;
      round_++;
      open_ = true;
    }
    wake_.notify_all();
    take();
    // helpers that wake too late are not waited for
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = false;
    done_.wait(lock, [this] { return active_ == 0; });
  }

  /** In a child of fork(), which has none of its parent's threads. */
  void forget() { alone_ = true; }

 private:
  bool start() {
    if (alone_) return false;
    if (helpers_ > 0) return true;
    const int64_t threads = threadCount();
    for (int64_t i = 1; i < threads; i++) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::exception&) {
        break;  // the system gives no more threads: those that are there do
      }
      helpers_++;
    }
    alone_ = helpers_ == 0;
    return !alone_;
  }

  void serve() {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "durian");
#endif
    std::unique_lock<std::mutex> lock(mutex_);
    for (int64_t seen = 0;;) {
      wake_.wait(lock, [&] { return open_ && round_ != seen; });
      seen = round_;
      active_++;
      lock.unlock();
      take();
      lock.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }

  void take() {
    for (int64_t piece; (piece = next_.fetch_add(1)) < pieces_;) run_(context_, piece);
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int64_t> next_{0};
  void (*run_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t pieces_ = 0, round_ = 0, active_ = 0, helpers_ = 0;
  bool open_ = false, alone_ = false;
};

/** Never destroyed: its helpers may still sleep in it when the process ends. */
Pool& pool() {
  static Pool* const only = [] {
    // helpers run code of this library, so it must stay when a worker of Node unloads its addons
    Dl_info self;
    if (dladdr(reinterpret_cast<void*>(&threadCount), &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
    pthread_atfork(nullptr, nullptr, [] { pool().forget(); });
    return new Pool;
  }();
  return *only;
}

}  // namespace

namespace internal {

void inParallel(int64_t pieces, void (*run)(void*, int64_t), void* context) { pool().share(pieces, run, context); }

}  // namespace internal
}  // namespace durian

#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace fff {
namespace {

constexpr size_t kMostWorkers = 255;

class Pool {
 public:
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (size_t i = 0; i < workers_; i++) {
      threads_[i].join();
    }
  }

  void run(size_t parts, void (*work)(void*, size_t), void* context) {
    std::unique_lock<std::mutex> region(region_, std::try_to_lock);
    if (!region.owns_lock() || parts < 2) {
      for (size_t part = 0; part < parts; part++) {
        work(context, part);
      }
      return;
    }
    start(parts - 1 < kMostWorkers ? parts - 1 : kMostWorkers);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = work;
      context_ = context;
      parts_ = parts;
      next_ = 0;
      done_ = 0;
    }
    wake_.notify_all();
    take_parts();
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait(lock, [this] { return done_ == parts_; });
    parts_ = 0;
  }

 private:
  void start(size_t wanted) {
    while (workers_ < wanted) {
      try {
        threads_[workers_] = std::thread([this] { serve(); });
      } catch (const std::system_error&) {
        return;  // the parts are claimed one by one, so fewer workers only take longer
      }
      workers_++;
    }
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || next_ < parts_; });
      if (stopping_) {
        return;
      }
      lock.unlock();
      take_parts();
      lock.lock();
    }
  }

  void take_parts() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (next_ < parts_) {
      const size_t part = next_++;
      lock.unlock();
      work_(context_, part);
      lock.lock();
      if (++done_ == parts_) {
        finished_.notify_all();
      }
    }
  }

  std::mutex region_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::thread threads_[kMostWorkers];
  size_t workers_ = 0;
  bool stopping_ = false;
  void (*work_)(void*, size_t) = nullptr;
  void* context_ = nullptr;
  size_t parts_ = 0;
  size_t next_ = 0;
  size_t done_ = 0;
};

Pool pool;

}  // namespace

void run_parts(size_t parts, void (*work)(void*, size_t), void* context) { pool.run(parts, work, context); }

}  // namespace fff

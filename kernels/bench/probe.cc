// What one core of this machine allows a kernel: multiply-adds a nanosecond where a row and its tokens are in L1, and bytes
// a nanosecond when rows are read in order and at random, for working sets from L1 to memory. The roofs of
// docs/performance.md come from here.
//
//   fff_probe [--implementation NAME] [--rounds 60]
//
// Prints JSON. Rows are read by the very functions the kernels consist of: `dot` reads 3072-byte float32 rows against one
// token in L1, so that a figure is what a walk could reach, not what a copy loop could. Times are the thread's CPU time;
// `best` is the best of the rounds, `median` their median, both in bytes a nanosecond (GB/s).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include "fff.h"
#include "implementation.h"
#include "layer.h"
#include "memory.h"

namespace {

constexpr size_t kWidth = 768;

double now_nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Rate {
  double best, median;
};

template <class Work>
Rate measure(size_t rounds, double amount, const Work& work) {
  std::vector<double> rates;
  work();
  for (size_t i = 0; i < rounds; i++) {
    const double start = now_nanoseconds();
    work();
    rates.push_back(amount / (now_nanoseconds() - start));
  }
  std::sort(rates.begin(), rates.end());
  return {rates.back(), rates[rates.size() / 2]};
}

class Probe {
 public:
  Probe(const fff::Implementation& implementation, size_t rounds) : kernels_(implementation.rows[0]), rounds_(rounds) {
    for (size_t i = 0; i < kTokens; i++) {
      slots_[i] = static_cast<int32_t>(i);
    }
  }

  bool run() {
    if (!tokens_.allocate(kTokens * stride_) || !rows_.allocate(kMostRows * stride_)) {
      return false;
    }
    float* values = tokens_.as<float>();
    for (size_t i = 0; i < kTokens * stride_ / sizeof(float); i++) {
      values[i] = 0.001f * static_cast<float>(i % 997);
    }
    std::memset(rows_.as<char>(), 0, rows_.bytes());
    const Rate multiply_adds = peak();
    std::printf("  \"sharedRowMultiplyAddsANanosecond\": {\"best\": %.1f, \"median\": %.1f},\n  \"rows\": [", multiply_adds.best,
                multiply_adds.median);
    const size_t counts[] = {8, 64, 256, 1024, 4096, 8192, kMostRows};
    for (const size_t count : counts) {
      const Rate ordered = read(count, false), random = read(count, true);
      std::printf("%s\n    {\"kilobytes\": %zu, \"inOrder\": {\"best\": %.1f, \"median\": %.1f}, "
                  "\"atRandom\": {\"best\": %.1f, \"median\": %.1f}}",
                  count == counts[0] ? "" : ",", count * kWidth * sizeof(float) / 1024, ordered.best, ordered.median,
                  random.best, random.median);
    }
    std::printf("\n  ]\n");
    return true;
  }

 private:
  static constexpr size_t kTokens = 12;
  static constexpr size_t kMostRows = 65536;  // 200 MB

  // One row in L1 met by many tokens in L1: as many multiply-adds a load as the kernels ever have.
  Rate peak() {
    float logits[kTokens];
    const size_t calls = 200;
    return measure(rounds_, static_cast<double>(calls * kTokens * kWidth), [&] {
      for (size_t i = 0; i < calls; i++) {
        kernels_.dot_shared(rows_.as<char>(), tokens_.as<char>(), stride_, slots_, kTokens, kWidth,
                            logits, ahead_);
      }
    });
  }

  Rate read(size_t count, bool at_random) {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    uint64_t seed = 1;
    for (size_t i = count - 1; at_random && i > 0; i--) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      std::swap(order[i], order[(seed >> 33) % (i + 1)]);
    }
    const size_t now = std::min<size_t>(std::max<size_t>(count, 512), 2048);
    size_t next = 0;
    return measure(rounds_, static_cast<double>(now * kWidth * sizeof(float)), [&] {
      const void* inputs[4] = {tokens_.as<void>(), tokens_.as<void>(), tokens_.as<void>(), tokens_.as<void>()};
      for (size_t i = 0; i < now; i += 4) {
        const void* four[4];
        for (const void*& row : four) {
          row = rows_.as<char>() + order[next] * stride_;
          next = next + 1 == count ? 0 : next + 1;
        }
        float logits[4];
        kernels_.dot_pairs(four, inputs, 4, kWidth, logits, ahead_);
      }
    });
  }

  const fff::RowKernels& kernels_;
  size_t rounds_;
  size_t stride_ = fff::padded_stride(kWidth, sizeof(float));
  fff::Block tokens_, rows_;
  int32_t slots_[kTokens];
  fff::Ahead ahead_;
};

}  // namespace

int main(int argc, char** argv) {
  const char* wanted = nullptr;
  size_t rounds = 60;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--implementation") == 0) wanted = argv[i + 1];
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::max(3ul, std::strtoul(argv[i + 1], nullptr, 10));
  }
  const char* name = nullptr;
  const fff_status chosen = fff_choose(wanted, FFF_FP32, &name);
  if (chosen != FFF_OK) {
    std::fprintf(stderr, "%s: %s\n", name == nullptr ? "" : name, fff_status_text(chosen));
    return 1;
  }
  std::printf("{\n  \"implementation\": \"%s\",\n  \"rounds\": %zu,\n", name, rounds);
  Probe probe(*fff::find_implementation(name), rounds);
  if (!probe.run()) {
    std::fprintf(stderr, "there is not enough memory\n");
    return 1;
  }
  std::printf("}\n");
  return 0;
}

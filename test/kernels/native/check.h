// A harness of a page: counted checks with a context line, no dependency.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace check {

struct Totals {
  int passed = 0;
  int failed = 0;
};

inline Totals& totals() {
  static Totals all;
  return all;
}

// One test case: the first thing that is wrong makes it fail, everything wrong beyond it stays quiet.
class Case {
 public:
  explicit Case(std::string name) : name_(std::move(name)) {}
  ~Case() {
    if (wrong_.empty()) {
      totals().passed++;
    } else {
      totals().failed++;
      std::printf("FAILED %s: %s\n", name_.c_str(), wrong_.c_str());
    }
  }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  // Returns `holds`, so that a caller can stop early.
  bool that(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) {
      wrong_ = what;
    }
    return holds;
  }
  bool good() const { return wrong_.empty(); }

 private:
  std::string name_;
  std::string wrong_;
};

// SplitMix64 with a fixed seed a test: failures repeat.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }
  // Uniform in [-1, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1.0; }

 private:
  uint64_t state_;
};

}  // namespace check

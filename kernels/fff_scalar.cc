// The portable implementation: one lane, baseline instructions, no fused multiply-add. The reference the others meet.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "half.h"
#include "implementation.h"

namespace fff {
namespace {

struct V {
  using Reg = float;
  static constexpr size_t lanes = 1;
  static constexpr int sharedTokens = 2;
  static constexpr int pairTokens = 2;
  static constexpr size_t subtreeLevels = 2;

  static Reg zero() { return 0.0f; }
  static Reg set1(float value) { return value; }
  template <class W>
  static Reg load(const W* from) {
    return widen(*from);
  }
  static void store(float* to, Reg value) { *to = value; }
  static Reg add(Reg a, Reg b) { return a + b; }
  static Reg mul(Reg a, Reg b) { return a * b; }
  static Reg div(Reg a, Reg b) { return a / b; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  // value limited to [-1, 1], and exactly the sign of z once |z| >= limit.
  static Reg saturated_sign(Reg z, Reg value, float limit) {
    const float magnitude = std::fabs(value);
    return std::copysign(std::fabs(z) >= limit || magnitude > 1.0f ? 1.0f : magnitude, z);
  }
  static void sum4(Reg a, Reg b, Reg c, Reg d, float* sums) {
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
  }
};

#include "vector_kernels.inc"

bool always() { return true; }

}  // namespace

constexpr Implementation kScalar = implementation("scalar", "portable C++, one element at a time", &always);

}  // namespace fff

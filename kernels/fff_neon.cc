// NEON on 64-bit Arm, where it belongs to the baseline: four lanes, thirty-two registers, no target region needed.
#include "implementation.h"

#if defined(FFF_ARM64)

#include <arm_neon.h>

#include <cstring>
#include <type_traits>

namespace fff {
namespace {

struct V {
  using Reg = float32x4_t;
  static constexpr size_t lanes = 4;
  static constexpr int sharedTokens = 6;  // 24 accumulators and the weight
  static constexpr int pairTokens = 4;
  static constexpr size_t subtreeLevels = 3;  // seven rows: 28 accumulators and a piece of the token

  static Reg zero() { return vdupq_n_f32(0.0f); }
  static Reg set1(float value) { return vdupq_n_f32(value); }
  static Reg load(const float* from) { return vld1q_f32(from); }
  static Reg load(const Bfloat16* from) {
    const uint16x4_t bits = vld1_u16(reinterpret_cast<const uint16_t*>(from));
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }
  static Reg load(const Float16* from) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const uint16_t*>(from))));
  }
  static void store(float* to, Reg value) { vst1q_f32(to, value); }
  static Reg add(Reg a, Reg b) { return vaddq_f32(a, b); }
  static Reg mul(Reg a, Reg b) { return vmulq_f32(a, b); }
  static Reg div(Reg a, Reg b) { return vdivq_f32(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return vfmaq_f32(c, a, b); }
  // value limited to [-1, 1], and exactly the sign of z once |z| >= limit.
  static Reg saturated_sign(Reg z, Reg value, float limit) {
    const Reg one = vdupq_n_f32(1.0f);
    const Reg magnitude = vminq_f32(vabsq_f32(value), one);
    const uint32x4_t beyond = vcgeq_f32(vabsq_f32(z), vdupq_n_f32(limit));
    return vbslq_f32(vdupq_n_u32(0x80000000u), z, vbslq_f32(beyond, one, magnitude));
  }
  // Neighbouring lanes first: (0 + 1) + (2 + 3).
  static void sum4(Reg a, Reg b, Reg c, Reg d, float* sums) {
    vst1q_f32(sums, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
  }
};

#include "vector_kernels.inc"

bool always() { return true; }

}  // namespace

constexpr Implementation kNeon = implementation("neon", "64-bit Arm with NEON", &always);

}  // namespace fff

#endif

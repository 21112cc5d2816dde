// AVX2 with FMA and F16C: eight lanes, sixteen registers.
#include "implementation.h"

#if defined(FFF_X86)

#include <immintrin.h>

#include <cstring>
#include <type_traits>

#include "cpu.h"
#include "target_region.h"

namespace fff {

FFF_BEGIN_TARGET("avx2,fma,f16c")
namespace {

struct V {
  using Reg = __m256;
  static constexpr size_t lanes = 8;
  static constexpr int sharedTokens = 3;  // 12 accumulators and the weight
  static constexpr int pairTokens = 2;
  static constexpr size_t subtreeLevels = 2;  // three rows: 12 accumulators

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg set1(float value) { return _mm256_set1_ps(value); }
  static Reg load(const float* from) { return _mm256_loadu_ps(from); }
  static Reg load(const Bfloat16* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static Reg load(const Float16* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static void store(float* to, Reg value) { _mm256_storeu_ps(to, value); }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  // value limited to [-1, 1], and exactly the sign of z once |z| >= limit.
  static Reg saturated_sign(Reg z, Reg value, float limit) {
    const Reg sign = _mm256_set1_ps(-0.0f);
    const Reg one = _mm256_set1_ps(1.0f);
    const Reg magnitude = _mm256_min_ps(_mm256_andnot_ps(sign, value), one);
    const Reg beyond = _mm256_cmp_ps(_mm256_andnot_ps(sign, z), _mm256_set1_ps(limit), _CMP_GE_OQ);
    return _mm256_or_ps(_mm256_blendv_ps(magnitude, one, beyond), _mm256_and_ps(sign, z));
  }
  // Lanes fold by halves: i with i + 4, then i + 2, then i + 1.
  static void sum4(Reg a, Reg b, Reg c, Reg d, float* sums) {
    __m128 w = fold(a), x = fold(b), y = fold(c), z = fold(d);
    _MM_TRANSPOSE4_PS(w, x, y, z);
    _mm_storeu_ps(sums, _mm_add_ps(_mm_add_ps(w, y), _mm_add_ps(x, z)));
  }
  static __m128 fold(Reg v) { return _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)); }
};

#include "vector_kernels.inc"

}  // namespace
FFF_END_TARGET

constexpr Implementation kAvx2 = implementation("avx2", "x86-64 with AVX2, FMA and F16C", &cpu_has_avx2_fma_f16c);

}  // namespace fff

#endif

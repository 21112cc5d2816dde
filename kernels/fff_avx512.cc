// AVX-512 (F, BW, DQ, VL): sixteen lanes, thirty-two registers.
#include "implementation.h"

#if defined(FFF_X86)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header starts from deliberately undefined registers and warns of them wherever it is inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstring>

#include "cpu.h"
#include "target_region.h"

namespace fff {

FFF_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
namespace {

struct V {
  using Reg = __m512;
  static constexpr size_t lanes = 16;
  static constexpr int sharedTokens = 6;  // 24 accumulators and the weight
  static constexpr int pairTokens = 4;
  static constexpr size_t subtreeLevels = 3;  // seven rows: 28 accumulators and a piece of the token

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg set1(float value) { return _mm512_set1_ps(value); }
  static Reg load(const float* from) { return _mm512_loadu_ps(from); }
  static Reg load(const Bfloat16* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static Reg load(const Float16* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static void store(float* to, Reg value) { _mm512_storeu_ps(to, value); }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  // value limited to [-1, 1], and exactly the sign of z once |z| >= limit.
  static Reg saturated_sign(Reg z, Reg value, float limit) {
    const Reg sign = _mm512_set1_ps(-0.0f);
    const Reg one = _mm512_set1_ps(1.0f);
    const Reg magnitude = _mm512_min_ps(_mm512_andnot_ps(sign, value), one);
    const __mmask16 beyond = _mm512_cmp_ps_mask(_mm512_andnot_ps(sign, z), _mm512_set1_ps(limit), _CMP_GE_OQ);
    return _mm512_or_ps(_mm512_mask_mov_ps(magnitude, beyond, one), _mm512_and_ps(sign, z));
  }
  // Lanes fold by halves: i with i + 8, then i + 4, then i + 2, then i + 1.
  static void sum4(Reg a, Reg b, Reg c, Reg d, float* sums) {
    __m128 w = fold(a), x = fold(b), y = fold(c), z = fold(d);
    _MM_TRANSPOSE4_PS(w, x, y, z);
    _mm_storeu_ps(sums, _mm_add_ps(_mm_add_ps(w, y), _mm_add_ps(x, z)));
  }
  static __m128 fold(Reg v) {
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  }
};

#include "vector_kernels.inc"

}  // namespace
FFF_END_TARGET

const Implementation kAvx512 = implementation("avx512", "x86-64 with AVX-512 F, BW, DQ and VL", &cpu_has_avx512);

}  // namespace fff

#endif

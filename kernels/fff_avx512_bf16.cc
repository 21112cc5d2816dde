// AVX-512 with BF16: bf16 rows meet bf16 tokens two products at a time, and pairs of output rows pairs of activations.
//
// vdpbf16ps multiplies nothing wider than bf16, so that tokens and activations are rounded too; sums are float32. It adds
// the odd product of a pair first, each with one rounding to nearest, and takes subnormal numbers for zero on both ways.
// All other storage types are computed as in fff_avx512.cc.
#include "implementation.h"

#if defined(FFF_X86_BF16)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header starts from deliberately undefined registers and warns of them wherever it is inlined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstring>
#include <type_traits>

#include "cpu.h"
#include "fff.h"
#include "target_region.h"

namespace fff {

FFF_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
namespace {

#include "avx512_vector.inc"
#include "vector_kernels.inc"

// The same bits as another type; a cast where registers have types of their own, which not every compiler converts.
template <class To, class From>
inline To as(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same register");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// See Widening. A register holds 32 elements, lane p of a sum the products 2p and 2p + 1 of each step.
struct PairsOfBf16 {
  using Weight = Bfloat16;
  using Token = Bfloat16;
  using Pack = __m512bh;
  static constexpr size_t step = 2 * V::lanes;

  static Pack row(const Bfloat16* from) { return as<Pack>(_mm512_loadu_si512(from)); }
  static Pack token(const Bfloat16* from) { return as<Pack>(_mm512_loadu_si512(from)); }
  static Pack fresh(const float* from, size_t left) {
    const __m512 second = left < step ? _mm512_setzero_ps() : _mm512_loadu_ps(from + V::lanes);
    return _mm512_cvtne2ps_pbh(second, _mm512_loadu_ps(from));
  }
  static void keep(Bfloat16* to, Pack value) { _mm512_storeu_si512(to, as<__m512i>(value)); }
  static __m512 multiply_add(Pack row, Pack token, __m512 sum) { return _mm512_dpbf16_ps(sum, row, token); }
};

void copy_rounded(const float* token, size_t width, size_t padded, void* to) {
  Bfloat16* copy = static_cast<Bfloat16*>(to);
  size_t i = 0;
  for (; i + PairsOfBf16::step <= width; i += PairsOfBf16::step) {
    PairsOfBf16::keep(copy + i, PairsOfBf16::fresh(token + i, PairsOfBf16::step));
  }
  if (i < padded) {
    float tail[PairsOfBf16::step] = {};
    std::memcpy(tail, token + i, (width - i) * sizeof(float));
    PairsOfBf16::keep(copy + i, PairsOfBf16::fresh(tail, PairsOfBf16::step));
  }
}

constexpr __mmask32 kAll = ~__mmask32{0};

// Two sums of the columns [at, at + 32): where interleaving two rows of bf16 puts their products, and where they belong.
// Interleaving works within 128 bits: one register gets the columns 0 to 3 of each eight, the other 4 to 7.
struct Columns {
  __m512 low, high;

  void begin(const float* output, __mmask32 valid, bool onto) {
    if (onto) {
      read(output, valid);
    } else {
      low = high = _mm512_setzero_ps();
    }
  }
  void add(__m512i first, __m512i second, __m512bh activations) {
    low = _mm512_dpbf16_ps(low, as<__m512bh>(_mm512_unpacklo_epi16(first, second)), activations);
    high = _mm512_dpbf16_ps(high, as<__m512bh>(_mm512_unpackhi_epi16(first, second)), activations);
  }
  void read(const float* from, __mmask32 valid) {
    const __m512 a = _mm512_maskz_loadu_ps(static_cast<__mmask16>(valid), from);
    const __m512 b = _mm512_maskz_loadu_ps(static_cast<__mmask16>(valid >> 16), from + 16);
    low = _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27), b);
    high = _mm512_permutex2var_ps(a, _mm512_setr_epi32(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31), b);
  }
  void write(float* to, __mmask32 valid) const {
    const __m512 a = _mm512_permutex2var_ps(
        low, _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23), high);
    const __m512 b = _mm512_permutex2var_ps(
        low, _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31), high);
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>(valid), a);
    _mm512_mask_storeu_ps(to + 16, static_cast<__mmask16>(valid >> 16), b);
  }
};

// See OneByOne. Two rows at a time; an odd last one is paired with zeros.
struct InPairs {
  template <int R>
  static void pass(const void* const* rows, const float* activations, size_t width, float* output, bool onto,
                   Ahead& ahead) {
    constexpr int kPairs = (R + 1) / 2;
    constexpr size_t kStep = PairsOfBf16::step;
    float all[V::lanes] = {};
    std::memcpy(all, activations, R * sizeof(float));
    int32_t pairs[V::lanes / 2];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(pairs), as<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(all))));
    __m512bh scales[kPairs];
    FFF_UNROLL
    for (int p = 0; p < kPairs; p++) {
      scales[p] = as<__m512bh>(_mm512_set1_epi32(pairs[p]));
    }
    const auto row = [rows](int r, size_t at) {
      return r < R ? _mm512_loadu_si512(static_cast<const Bfloat16*>(rows[r]) + at) : _mm512_setzero_si512();
    };
    size_t i = 0;
    for (; i + 2 * kStep <= width; i += 2 * kStep) {
      ahead.fetch(kAheadOutput);
      Columns left, right;
      left.begin(output + i, kAll, onto);
      right.begin(output + i + kStep, kAll, onto);
      FFF_UNROLL
      for (int p = 0; p < kPairs; p++) {
        left.add(row(2 * p, i), row(2 * p + 1, i), scales[p]);
        right.add(row(2 * p, i + kStep), row(2 * p + 1, i + kStep), scales[p]);
      }
      left.write(output + i, kAll);
      right.write(output + i + kStep, kAll);
    }
    for (; i < width; i += kStep) {  // rows are padded, the output is not
      const __mmask32 valid = width - i < kStep ? (__mmask32{1} << (width - i)) - 1 : kAll;
      Columns columns;
      columns.begin(output + i, valid, onto);
      FFF_UNROLL
      for (int p = 0; p < kPairs; p++) {
        columns.add(row(2 * p, i), row(2 * p + 1, i), scales[p]);
      }
      columns.write(output + i, valid);
    }
  }
};

// Other precisions are those of fff_avx512.cc, and go by its name.
bool worthwhile(int precision) {
  return (precision == FFF_BF16 || precision == FFF_EXACT_LOW) && cpu_multiplies_bf16_fast();
}

constexpr Implementation with_bf16() {
  Implementation made = implementation("avx512bf16", "x86-64 with AVX-512 F, BW, DQ, VL and BF16", &cpu_has_avx512_bf16);
  made.worthwhile = &worthwhile;
  made.rows[kBfloat16] = {sizeof(Bfloat16),
                          &copy_rounded,
                          &dot_shared<PairsOfBf16>,
                          &dot_pairs<PairsOfBf16>,
                          nullptr,
                          &dot_subtree<PairsOfBf16>,
                          &accumulate<InPairs>};
  made.multiplies_bf16 = true;
  made.exact_low_output = kBfloat16;
  return made;
}

}  // namespace
FFF_END_TARGET

// Constant, so that nothing of this file runs before a CPU is known to have these instructions.
constexpr Implementation kAvx512Bf16 = with_bf16();

}  // namespace fff

#endif

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
#include <type_traits>

#include "cpu.h"
#include "target_region.h"

namespace fff {

FFF_BEGIN_TARGET("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")
namespace {

#include "avx512_vector.inc"
#include "vector_kernels.inc"

}  // namespace
FFF_END_TARGET

constexpr Implementation kAvx512 = implementation("avx512", "x86-64 with AVX-512 F, BW, DQ and VL", &cpu_has_avx512);

}  // namespace fff

#endif

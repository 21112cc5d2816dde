// CPU feature detection. Compiled at the baseline: it runs before anything knows what else may run.
#include "cpu.h"

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace fff {
namespace {

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r = {0, 0, 0, 0};
#if defined(_MSC_VER)
  int values[4];
  __cpuid(values, 0);
  if (leaf <= static_cast<uint32_t>(values[0])) {
    __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
    r = {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1]), static_cast<uint32_t>(values[2]),
         static_cast<uint32_t>(values[3])};
  }
#else
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) {
    r = {0, 0, 0, 0};
  }
#endif
  return r;
}

// Register state the operating system saves (XCR0); 0 when it saves none beyond SSE.
uint64_t saved_state() {
  if ((cpuid(1, 0).ecx >> 27 & 1u) == 0) {  // OSXSAVE
    return 0;
  }
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
#endif
}

bool all(uint32_t word, uint32_t mask) { return (word & mask) == mask; }

}  // namespace

bool cpu_has_avx2_fma_f16c() {
  const bool saves_ymm = (saved_state() & 0x6u) == 0x6u;
  return saves_ymm && all(cpuid(1, 0).ecx, 1u << 12 | 1u << 28 | 1u << 29) && all(cpuid(7, 0).ebx, 1u << 5);
}

bool cpu_has_avx512() {
  const bool saves_zmm = (saved_state() & 0xe6u) == 0xe6u;
  return saves_zmm && cpu_has_avx2_fma_f16c() && all(cpuid(7, 0).ebx, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31);
}

bool cpu_has_avx512_bf16() {
  return cpu_has_avx512() && all(cpuid(7, 1).eax, 1u << 5);
}

bool cpu_multiplies_bf16_fast() {
  const Registers vendor = cpuid(0, 0);
  return vendor.ebx == 0x68747541u && vendor.edx == 0x69746e65u && vendor.ecx == 0x444d4163u;  // AuthenticAMD
}

}  // namespace fff

#else

namespace fff {

bool cpu_has_avx2_fma_f16c() { return false; }
bool cpu_has_avx512() { return false; }
bool cpu_has_avx512_bf16() { return false; }
bool cpu_multiplies_bf16_fast() { return false; }

}  // namespace fff

#endif

// What this CPU and operating system can execute, asked with baseline instructions only.
#pragma once

namespace fff {

bool cpu_has_avx2_fma_f16c();
bool cpu_has_avx512();  // F, BW, DQ and VL, and the operating system saves the wide registers
bool cpu_has_avx512_bf16();

// Whether vdpbf16ps is faster than converting to float32: it is on the AMD core it was measured on (Zen 4: as many a cycle
// as vfmadd, of twice the multiply-adds), and not on the Intel one (Emerald Rapids: a quarter as many).
bool cpu_multiplies_bf16_fast();

}  // namespace fff

// What this CPU and operating system can execute, asked with baseline instructions only.
#pragma once

namespace fff {

bool cpu_has_avx2_fma_f16c();
bool cpu_has_avx512();  // F, BW, DQ and VL, and the operating system saves the wide registers
bool cpu_has_avx512_bf16();

// Whether vdpbf16ps does twice the multiply-adds of vfmadd in its time: on AMD's cores it does; on Intel's (Emerald
// Rapids) it has a quarter of the rate, so that converting to float32 is faster.
bool cpu_multiplies_bf16_fast();

}  // namespace fff

// What this CPU and operating system can execute, asked with baseline instructions only.
#pragma once

namespace fff {

bool cpu_has_avx2_fma_f16c();
bool cpu_has_avx512();  // F, BW, DQ and VL, and the operating system saves the wide registers

}  // namespace fff

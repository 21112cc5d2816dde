// A small pool: one parallel region at a time, workers asleep in between, no thread before the first is needed.
#pragma once

#include <cstddef>

namespace fff {

// Calls work(context, part) once for each part in [0, parts), on the caller and at most parts - 1 workers. Where no
// worker can be started, or another region is running, the caller does the parts itself: never fails, never throws.
void run_parts(size_t parts, void (*work)(void* context, size_t part), void* context);

}  // namespace fff

// The seam between the drivers and the instruction sets: what one ISA file provides, and nothing about how.
//
// A driver (forward.cc) decides which tokens meet which rows in which order; an implementation does the arithmetic of a
// row. Every function here has one fixed summation order a token, whatever the tokens beside it (README, "Order").
#pragma once

#include <cstddef>
#include <cstdint>

namespace fff {

// How a packed row stores its elements.
enum Storage { kFloat32 = 0, kBfloat16, kFloat16, kStorages };

struct Bfloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

// Rows and scratch tokens are zero-padded to a multiple of this many elements, so that no dot product has a tail.
constexpr size_t kPad = 16;

// Arithmetic on rows of one storage type. `padded` is the width rounded up to kPad.
struct RowKernels {
  // logits[i] = row . inputs[slots[i] * stride ..], one row read once for several tokens; no bias.
  void (*dot_shared)(const void* row, const float* inputs, size_t stride, const int32_t* slots, size_t count,
                     size_t padded, float* logits);
  // logits[i] = rows[i] . inputs[i], unrelated rows; bit for bit what dot_shared gives for the same row and token.
  void (*dot_pairs)(const void* const* rows, const float* const* inputs, size_t count, size_t padded, float* logits);
  // output[0..width) = sum over rows in order of activations[r] * rows[r], starting from 0, or from output if `onto`.
  void (*accumulate)(const void* const* rows, const float* activations, size_t count, size_t width, float* output,
                     bool onto);
};

struct Implementation {
  const char* name;
  const char* description;
  bool (*supported)();
  // Length of the longest chain of roundings in a dot product of `padded` elements, bias included.
  size_t (*rounding_depth)(size_t padded);
  RowKernels rows[kStorages];
  // values may be activations. Exact GELU in the PyTorch form.
  void (*gelu)(const float* values, float* activations, size_t count);
};

extern const Implementation kScalar;
#if defined(__x86_64__) || defined(_M_X64)
#define FFF_X86 1
extern const Implementation kAvx2;
extern const Implementation kAvx512;
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
#define FFF_ARM64 1
extern const Implementation kNeon;
#endif

// dispatch.cc: the implementation behind a name known to be supported, or null.
const Implementation* find_implementation(const char* name);

}  // namespace fff

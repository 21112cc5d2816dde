// The seam between the drivers and the instruction sets: what one ISA file provides, and nothing about how.
//
// A driver (forward.cc) decides which tokens meet which rows in which order; an implementation does the arithmetic of a
// row. Every function here has one fixed summation order a token, whatever the tokens beside it (README, "Order").
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory.h"

#if defined(__x86_64__) || defined(_M_X64)
#define FFF_X86 1
#endif
#if defined(_MSC_VER) && defined(FFF_X86)
#include <intrin.h>
#endif
// Compilers older than GCC 10 and clang 9 know no BF16 instructions; they build everything else.
#if defined(FFF_X86) && defined(__has_include)
#if defined(_MSC_VER) || __has_include(<avx512bf16intrin.h>)
#define FFF_X86_BF16 1
#endif
#endif

namespace fff {

// How a packed row stores its elements.
enum Storage { kFloat32 = 0, kBfloat16, kFloat16, kStorages };

struct Bfloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

// Rows and scratch tokens are zero-padded to a multiple of this many elements, so that no dot product has a tail; rows to
// whole cache lines besides.
constexpr size_t kPad = 16;

// Rows that will be needed soon, on their way into L2 a few lines at a time: the kernels take from it between their
// multiply-adds, so that memory and arithmetic work at once. Asked for in one go, more lines than a core has fill
// buffers make it wait for the first before it may compute (README, "Ahead").
class Ahead {
 public:
  // `bytes` a multiple of a line.
  void push(const void* row, size_t bytes) {
    if (last_ - first_ == kMost) {
      first_++;  // the oldest is due about now: its own loads fetch it as fast
    }
    spans_[last_++ % kMost] = {static_cast<const char*>(row), static_cast<const char*>(row) + bytes};
  }

  // Asks for the next `lines` lines.
  void fetch(int lines) {
    while (first_ != last_) {
      Span& span = spans_[first_ % kMost];
      for (; span.at != span.end; span.at += kLine) {
        if (lines-- == 0) {
          return;
        }
        fetch_line(span.at);
      }
      first_++;
    }
  }

  // Asks for all of a row that is wanted at once, before anything that was pushed.
  static void fetch_now(const void* row, size_t bytes) {
    const char* at = static_cast<const char*>(row);
    for (size_t i = 0; i < bytes; i += kLine) {
      fetch_line(at + i);
    }
  }

 private:
  static constexpr size_t kMost = 64;

  // Into L2 and not L1: rows are long, and the tokens that will meet them live in L1 meanwhile.
  static void fetch_line(const char* line) {
#if defined(_MSC_VER) && defined(FFF_X86)
    _mm_prefetch(line, _MM_HINT_T1);
#elif defined(__GNUC__)
    __builtin_prefetch(line, 0, 2);
#else
    (void)line;
#endif
  }

  struct Span {
    const char* at;
    const char* end;
  };
  Span spans_[kMost];
  size_t first_ = 0, last_ = 0;
};

// Arithmetic on rows of one storage type. `padded` is the width rounded up to kPad; tokens are copies made by `copy`,
// `stride` bytes apart.
struct RowKernels {
  // Bytes of an element of a token's copy: float32, or bf16 for instructions that multiply nothing wider.
  size_t token_bytes;
  // Copies token[0..width) for the dot products below, zero-padded to whole registers.
  void (*copy)(const float* token, size_t width, size_t padded, void* to);
  // logits[i] = row . tokens[slots[i] * stride ..], one row read once for several tokens; no bias.
  void (*dot_shared)(const void* row, const void* tokens, size_t stride, const int32_t* slots, size_t count,
                     size_t padded, float* logits, Ahead& ahead);
  // logits[i] = rows[i] . tokens[i], unrelated rows; bit for bit what dot_shared gives for the same row and token.
  void (*dot_pairs)(const void* const* rows, const void* const* tokens, size_t count, size_t padded, float* logits,
                    Ahead& ahead);
  // wide[0..padded) = row in float32, exactly; null where dot_subtree takes rows as they are stored.
  void (*widen)(const void* row, size_t padded, float* wide);
  // logits[i] = rows[i] . token for the rows of a subtree: one token, read once from token[0..padded), meets them all.
  // It is also copied to `to` where that is not null. Needs no alignment; bit for bit what dot_shared gives.
  void (*dot_subtree)(const void* const* rows, size_t count, const float* token, void* to, size_t padded,
                      float* logits, Ahead& ahead);
  // output[0..width) = sum over rows in order of activations[r] * rows[r], starting from 0, or from output if `onto`.
  void (*accumulate)(const void* const* rows, const float* activations, size_t count, size_t width, float* output,
                     bool onto, Ahead& ahead);
};

struct Implementation {
  const char* name;
  const char* description;
  bool (*supported)();
  // False where another supported implementation computes an fff_precision as well: this one is then chosen by name only.
  bool (*worthwhile)(int precision);
  // Length of the longest chain of roundings in a dot product of `padded` elements, bias included.
  size_t (*rounding_depth)(size_t padded);
  RowKernels rows[kStorages];
  // Whether rows in bf16 meet tokens and activations rounded to bf16.
  bool multiplies_bf16;
  // How an exact-low layer stores its output rows; its input rows are fp16 everywhere.
  Storage exact_low_output;
  // Levels of the largest subtree (2^levels - 1 rows) that dot_subtree takes.
  size_t subtree_levels;
  // values may be activations. Exact GELU in the PyTorch form.
  void (*gelu)(const float* values, float* activations, size_t count);
};

extern const Implementation kScalar;
#if defined(FFF_X86)
extern const Implementation kAvx2;
extern const Implementation kAvx512;
#if defined(FFF_X86_BF16)
extern const Implementation kAvx512Bf16;
#endif
#endif
#if defined(__aarch64__) || defined(_M_ARM64)
#define FFF_ARM64 1
extern const Implementation kNeon;
#endif

// dispatch.cc: the implementation behind a name known to be supported, or null.
const Implementation* find_implementation(const char* name);

}  // namespace fff

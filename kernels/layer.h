// A packed layer: what fff_layer_create makes of a checkpoint and forward.cc walks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "implementation.h"
#include "memory.h"

namespace fff {

// How a call is cut up; derived from the sizes of the layer alone, so that results and speed do not depend on history.
struct Plan {
  size_t slab = 0;         // tokens whose bookkeeping is held at once
  size_t chunk = 0;        // tokens whose padded copies sit in L2 together
  size_t group = 0;        // tokens that walk level by level, their copies in L1
  size_t stride = 0;       // bytes between copies
  size_t prefetch_from = 0;  // first level whose rows are not expected in L2
  size_t direct_from = 0;    // first level whose subtrees fit in L2: sorting tokens between them would gain nothing
};

// How far a stored logit may be from the float32 one: slope * norm(x) + offset.
struct Bound {
  float slope;
  float offset;
};

// Row r = tree * nodes + node everywhere.
struct Layer {
  const Implementation* implementation = nullptr;
  size_t width = 0;
  size_t depth = 0;
  size_t trees = 0;
  size_t levels = 0;   // depth + 1
  size_t nodes = 0;    // of one tree
  size_t padded = 0;   // width rounded up to kPad
  size_t threads = 1;
  Storage storage = kFloat32;         // of input rows
  Storage output_storage = kFloat32;  // as wide as `storage`
  bool exact = false;  // recheck near decisions in float32

  size_t row_bytes = 0;     // of a packed row, whole lines
  size_t row_stride = 0;    // bytes between packed rows
  size_t float_stride = 0;  // the same for rows in float32: of the recheck, and widened ones
  Block input_rows;         // [rows, row_stride]
  Block output_rows;        // [rows, row_stride], the transposed output weights
  Block bias;               // float [rows]
  Block exact_rows;         // [rows, float_stride] float32 input weights, with `exact` only
  Block bounds;             // Bound [rows], with `exact` only
  // norm(x) <= norm_factor * sqrt(float32 x.x) + norm_floor.
  float norm_factor = 1.0f;
  float norm_floor = 0.0f;

  Plan plan;

  const void* input_row(size_t row) const { return input_rows.as<char>() + row * row_stride; }
  const void* output_row(size_t row) const { return output_rows.as<char>() + row * row_stride; }
  const void* exact_row(size_t row) const { return exact_rows.as<char>() + row * float_stride; }
  size_t bytes() const {
    return sizeof(Layer) + input_rows.bytes() + output_rows.bytes() + bias.bytes() + exact_rows.bytes() +
           bounds.bytes();
  }
  const RowKernels& kernels() const { return implementation->rows[storage]; }
  const RowKernels& output_kernels() const { return implementation->rows[output_storage]; }
};

// Bytes between rows of `elements`: whole cache lines, and an odd number of them from eight on, so that neighbouring
// rows of a path do not fall into the same few L1 sets (a stride of 6144 bytes would use 2 of 64).
inline size_t padded_stride(size_t elements, size_t element_bytes) {
  const size_t lines = (elements * element_bytes + kLine - 1) / kLine;
  return (lines >= 8 ? lines | 1 : lines) * kLine;
}

// workspace.cc: what the sizes of a measured layer ask for.
Plan plan_for(const Layer& layer);

}  // namespace fff

struct fff_layer : fff::Layer {};

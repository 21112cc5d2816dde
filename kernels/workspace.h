// Scratch memory of one thread's share of a call, kept between calls.
#pragma once

#include <cstddef>
#include <cstdint>

#include "layer.h"
#include "memory.h"

namespace fff {

// How a call is cut up; derived from the layer alone, so that results and speed do not depend on history.
struct Plan {
  size_t slab = 0;         // tokens whose bookkeeping is held at once
  size_t chunk = 0;        // tokens whose padded copies sit in L2 together
  size_t group = 0;        // tokens that walk level by level, their copies in L1
  size_t stride = 0;       // floats between padded copies
  size_t prefetch_from = 0;  // first level whose rows are not expected in L2
  size_t direct_from = 0;    // first level whose subtrees fit in L2: sorting tokens between them would gain nothing
};

Plan plan_for(const Layer& layer);

// Arrays are sized for plan.slab or plan.chunk tokens (noted beside each).
struct Workspace {
  Block tokens;      // float [chunk, stride], zero-padded copies
  Block norms;       // float [chunk], upper bounds of the tokens' Euclidean norms, exact layers only
  Block chunk_token; // int32 [chunk], slab token behind a copy
  Block slots;       // int32 [chunk], copies in the order the tree sorts them
  Block spare;       // int32 [max(chunk, slab)], partition and counting sort
  Block results;     // float [chunk]
  Block order;       // int32 [slab], tokens in the order the tree sorts them
  Block reached;     // int32 [slab], node at a stage boundary
  Block logits;      // float [slab, trees, levels]
  Block path;        // per level: row pointers and activations of one token

  bool reserve(const Layer& layer, const Plan& plan, size_t tokens_in_call);

  Workspace* next = nullptr;  // in the list of idle ones
};

// Takes an idle workspace or makes one; null when there is no memory.
Workspace* acquire_workspace();
void return_workspace(Workspace* workspace);

}  // namespace fff

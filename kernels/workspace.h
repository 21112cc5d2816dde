// Scratch memory of one thread's share of a call, kept between calls.
#pragma once

#include <cstddef>
#include <cstdint>

#include "layer.h"
#include "memory.h"

namespace fff {

// Most tokens of a group (Plan::group).
constexpr size_t kMostGroup = 32;
// Most rows a token meets at once on its way in (Implementation::subtree_levels).
constexpr size_t kMostSubtreeRows = 7;

// Arrays are sized for plan.slab or plan.chunk tokens (noted beside each).
struct Workspace {
  Block tokens;      // [chunk, plan.stride bytes], zero-padded copies
  Block wide;        // [kMostSubtreeRows + 1, float_stride bytes], rows widened to float32, then one padded token
  Block norms;       // float [slab], upper bounds of the tokens' Euclidean norms, exact layers only
  Block chunk_token; // int32 [chunk], slab token behind a copy
  Block slots;       // int32 [chunk], copies in the order the tree sorts them
  Block spare;       // int32 [max(chunk, slab)], partition and counting sort
  Block results;     // float [chunk]
  Block segments;    // two lists of three int32 [chunk], tokens by node on this level and the next
  Block order;       // int32 [slab], tokens in the order the tree sorts them
  Block reached;     // int32 [slab], node at a stage boundary
  Block logits;      // float [slab, trees, levels]
  Block path;        // row pointers [levels] of one path, then activations [kMostGroup, levels]

  bool reserve(const Layer& layer, size_t tokens_in_call);

  Workspace* next = nullptr;  // in the list of idle ones
};

// Takes an idle workspace or makes one; null when there is no memory.
Workspace* acquire_workspace();
void return_workspace(Workspace* workspace);

}  // namespace fff

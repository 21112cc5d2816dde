// One thread's walk: copies of tokens, decisions, recording and the deferred output.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fff.h"
#include "layer.h"
#include "workspace.h"

namespace fff {

// Most nodes a stage of the batched walk sorts tokens into.
constexpr size_t kMostStageNodes = 256;

// Tokens are named by their index in the slab, copies of them ("slots") by their index in the chunk.
class Walker {
 public:
  // `first` is the call's token that is token 0 of the slab.
  Walker(const Layer& layer, Workspace& workspace, const float* input, float* output,
         const fff_recording& recording, size_t first);

  const Layer& layer;
  const Plan& plan;

  int32_t* order() const { return order_; }
  int32_t* reached() const { return reached_; }
  int32_t* spare() const { return spare_; }
  int32_t* slots() const { return slots_; }
  void set_tree(size_t tree) { tree_ = tree; }

  // Copies `count` tokens into the chunk, zero-padded and aligned, and resets slots() to all of them in this order.
  void load(const int32_t* tokens, size_t count);

  // Takes slots()[0..count), all at `node` of the current tree, down to `stop`: the node reached there is noted for
  // each. With stop == levels they go to the leaf and their output is accumulated.
  void descend(size_t level, int32_t node, size_t count, size_t stop);

  // All trees for the first `count` tokens of the slab, count * trees <= plan.group: every (token, tree) walks at once.
  void walk_few(size_t count);

 private:
  struct Pair {
    int32_t slot;
    int32_t tree;
    int32_t node;
  };

  // Tokens slots_[begin, end) at one node of the level.
  struct Segment {
    int32_t node;
    int32_t begin;
    int32_t end;
  };

  size_t step(size_t level, size_t segments);
  size_t split(size_t level, const Segment& segment, size_t children);
  void finish_all(size_t segments);
  void walk_level_by_level(Pair* pairs, size_t count, size_t level);
  void decide(const Pair* pairs, size_t count, size_t level, float* logits);
  void finish(const Pair* pairs, size_t count);
  float recheck(size_t row, int32_t slot, float logit);
  void bound_norms(size_t count);
  void expect(const void* row) { ahead_.push(row, layer.row_bytes); }
  void expect_path(const Pair& pair, const Pair* before);

  size_t row_of(size_t tree, int32_t node) const { return tree * layer.nodes + static_cast<size_t>(node); }
  const float* copy_of(int32_t slot) const { return copies_ + static_cast<size_t>(slot) * plan.stride; }
  float* logits_of(int32_t slot, size_t tree) const {
    return logits_ + (static_cast<size_t>(chunk_token_[slot]) * layer.trees + tree) * layer.levels;
  }

  const RowKernels& kernels_;
  const float* bias_;
  const float* input_;   // of the slab
  float* output_;        // of the slab
  int32_t* nodes_;       // of the slab, null when not recorded
  float* activations_;   // of the slab, null when not recorded
  float* logits_;        // of the slab: the caller's, or scratch
  float* copies_;
  float* norms_;
  int32_t* chunk_token_;
  int32_t* slots_;
  int32_t* spare_;
  float* results_;
  int32_t* order_;
  int32_t* reached_;
  const void** path_rows_;
  float* path_activations_;
  size_t tree_ = 0;
  Segment* here_;   // of the level being walked
  Segment* below_;  // of the next
  Ahead ahead_;
};

}  // namespace fff

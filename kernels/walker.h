// One thread's walk: copies of tokens, decisions, recording and the deferred output.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fff.h"
#include "layer.h"
#include "workspace.h"

namespace fff {

// The first of the nodes `down` levels below `node`.
inline int32_t leftmost(int32_t node, size_t down) {
  return static_cast<int32_t>(((static_cast<int64_t>(node) + 1) << down) - 1);
}

// Tokens are named by their index in the slab, copies of them ("slots") by their index in the chunk.
class Walker {
 public:
  // `first` is the call's token that is token 0 of the slab, which has `count` of them.
  Walker(const Layer& layer, Workspace& workspace, const float* input, float* output,
         const fff_recording& recording, size_t first, size_t count);

  const Layer& layer;
  const Plan& plan;

  int32_t* order() const { return order_; }
  int32_t* reached() const { return reached_; }
  int32_t* spare() const { return spare_; }
  void set_tree(size_t tree) { tree_ = tree; }

  // Levels that `count` tokens at `level` can go down while they are read for the first time: none where they are too
  // few to visit most of a subtree.
  size_t levels_at_once(size_t level, size_t count) const;

  // Takes tokens[0..count), all at `node` of the current tree, `down` <= levels_at_once levels down straight from the
  // caller's memory. The node each reaches is noted in reached().
  void enter(size_t level, int32_t node, size_t down, const int32_t* tokens, size_t count);

  // Takes copies of tokens[0..count), count <= plan.chunk, all at `node` of the current tree, down to level `stop`: the
  // node each reaches is noted in reached(). With stop == levels they go to the leaf and their output is accumulated.
  void descend(size_t level, int32_t node, const int32_t* tokens, size_t count, size_t stop);

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

  void load(const int32_t* tokens, size_t count, bool first_level);
  void meet_subtree(size_t level, int32_t node, size_t down, const int32_t* tokens, size_t count, bool keep);
  void widen_subtree(int32_t node, size_t rows);
  int32_t decide_subtree(size_t level, int32_t node, size_t down, size_t token, const float* logits);
  size_t sort_chunk(int32_t first, size_t nodes, size_t count);
  size_t step(size_t level, size_t segments);
  size_t split(size_t level, const Segment& segment, size_t children);
  void finish_all(size_t segments);
  void walk_level_by_level(Pair* pairs, size_t count, size_t level);
  void decide(const Pair* pairs, size_t count, size_t level, float* logits);
  void finish(const Pair* pairs, size_t count);
  const float* values_of(size_t token);
  float recheck(size_t row, size_t token, float logit);
  void bound_norm(size_t token, const float* values);
  void expect(const void* row) { ahead_.push(row, layer.row_bytes); }
  void expect_children(const Pair& pair) const;
  void expect_path(const Pair& pair, const Pair* before);

  size_t row_of(size_t tree, int32_t node) const { return tree * layer.nodes + static_cast<size_t>(node); }
  const char* copy_of(int32_t slot) const { return copies_ + static_cast<size_t>(slot) * plan.stride; }
  size_t token_of(int32_t slot) const { return static_cast<size_t>(chunk_token_[slot]); }
  float* logits_of(size_t token, size_t tree) const { return logits_ + (token * layer.trees + tree) * layer.levels; }

  const RowKernels& kernels_;
  const float* bias_;
  const float* input_;   // of the slab
  float* output_;        // of the slab
  int32_t* nodes_;       // of the slab, null when not recorded
  float* activations_;   // of the slab, null when not recorded
  float* logits_;        // of the slab: the caller's, or scratch
  char* copies_;
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
  char* wide_;      // rows of a subtree in float32, then one padded token
  const void* subtree_[kMostSubtreeRows];  // rows in heap order
  Segment* here_;   // of the level being walked
  Segment* below_;  // of the next
  Ahead ahead_;
  const bool stores_ahead_;  // more outputs than stay in L2 (README, "Ahead")
};

}  // namespace fff

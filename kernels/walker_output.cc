// The second half of a walk: activations, recording, and the output rows of each path.
#include <algorithm>

#include "walker.h"

namespace fff {
namespace {

// Output passes whose rows are on their way while one runs.
constexpr size_t kPathsAhead = 2;

}  // namespace

// The output of all tokens in leaf order: neighbours share the upper rows of their paths.
void Walker::finish_all(size_t segments) {
  Pair pairs[kMostGroup];
  size_t count = 0;
  for (size_t s = 0; s < segments; s++) {
    for (int32_t i = here_[s].begin; i < here_[s].end; i++) {
      pairs[count++] = {slots_[i], static_cast<int32_t>(tree_), here_[s].node};
      if (count == kMostGroup) {
        finish(pairs, count);
        count = 0;
      }
    }
  }
  finish(pairs, count);
}

// The output rows of a path that are not expected in L2 and not on the path before it.
void Walker::expect_path(const Pair& pair, const Pair* before) {
  for (size_t level = layer.levels; level-- > plan.prefetch_from;) {
    const size_t up = layer.depth - level;
    const int32_t node = ((pair.node + 1) >> up) - 1;
    if (before != nullptr && before->tree == pair.tree && ((before->node + 1) >> up) - 1 == node) {
      return;
    }
    expect(layer.output_row(row_of(static_cast<size_t>(pair.tree), node)));
  }
}

// Activations (of all pairs at once: a short GELU waits for its own latency), recording, and for each pair one pass over
// the rows of its path, the rows of the next paths being fetched meanwhile.
void Walker::finish(const Pair* pairs, size_t count) {
  const size_t levels = layer.levels;
  for (size_t i = 0; i < count; i++) {
    std::copy_n(logits_of(token_of(pairs[i].slot), static_cast<size_t>(pairs[i].tree)), levels,
                path_activations_ + i * levels);
  }
  layer.implementation->gelu(path_activations_, path_activations_, count * levels);
  for (size_t i = 0; i < std::min(kPathsAhead, count); i++) {
    expect_path(pairs[i], i == 0 ? nullptr : &pairs[i - 1]);
  }
  for (size_t i = 0; i < count; i++) {
    if (i + kPathsAhead < count) {
      expect_path(pairs[i + kPathsAhead], &pairs[i + kPathsAhead - 1]);
    }
    if (stores_ahead_ && i + 1 < count) {
      Ahead::fetch_now(output_ + token_of(pairs[i + 1].slot) * layer.width, layer.width * sizeof(float) / kLine * kLine);
    }
    const Pair& pair = pairs[i];
    const size_t token = token_of(pair.slot);
    const size_t tree = static_cast<size_t>(pair.tree);
    const size_t at = (token * layer.trees + tree) * levels;
    const float* activations = path_activations_ + i * levels;
    if (activations_ != nullptr) {
      std::copy_n(activations, levels, activations_ + at);
    }
    for (size_t level = 0; level < levels; level++) {
      const int32_t node = static_cast<int32_t>(((static_cast<int64_t>(pair.node) + 1) >> (layer.depth - level)) - 1);
      path_rows_[level] = layer.output_row(row_of(tree, node));
      if (nodes_ != nullptr) {
        nodes_[at + level] = node;
      }
    }
    layer.output_kernels().accumulate(path_rows_, activations, levels, layer.width, output_ + token * layer.width, tree > 0, ahead_);
  }
}

}  // namespace fff

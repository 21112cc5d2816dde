// The way in: what happens to a token while it is read from the caller's memory.
#include <algorithm>
#include <cmath>

#include "walker.h"

namespace fff {
namespace {

// Tokens whose values are on their way while one is computed.
constexpr size_t kTokensAhead = 4;
// Fewer tokens at a node visit too few nodes of its subtree to meet all rows of it.
constexpr size_t kWholeSubtree = 32;

}  // namespace

size_t Walker::levels_at_once(size_t level, size_t count) const {
  return count < kWholeSubtree ? 0 : std::min(layer.implementation->subtree_levels, layer.depth - level);
}

// Copies `count` tokens into the chunk, zero-padded and aligned, in this order.
void Walker::load(const int32_t* tokens, size_t count, bool first_level) {
  for (size_t i = 0; i < count; i++) {
    const size_t token = static_cast<size_t>(tokens[i]);
    kernels_.copy(input_ + token * layer.width, layer.width, layer.padded, copies_ + i * plan.stride);
    chunk_token_[i] = tokens[i];
    slots_[i] = static_cast<int32_t>(i);
    if (layer.exact && first_level) {
      bound_norm(token, values_of(token));
    }
  }
}

// A token's values in float32, padded: the caller's own where nothing is missing, else a copy that lasts until the next.
const float* Walker::values_of(size_t token) {
  const float* values = input_ + token * layer.width;
  if (layer.width == layer.padded) {
    return values;
  }
  float* padded = reinterpret_cast<float*>(wide_ + kMostSubtreeRows * layer.float_stride);
  std::copy_n(values, layer.width, padded);
  std::fill(padded + layer.width, padded + layer.padded, 0.0f);
  return padded;
}

// norms_: what the recheck bound multiplies.
void Walker::bound_norm(size_t token, const float* values) {
  const void* row = values;
  float square;
  layer.implementation->rows[kFloat32].dot_pairs(&row, &row, 1, layer.padded, &square, ahead_);
  norms_[token] = layer.norm_factor * std::sqrt(square) + layer.norm_floor;
}

// The stored logit where its sign is certain, else the float32 one: the same decision either way as a float32 layer.
float Walker::recheck(size_t row, size_t token, float logit) {
  const Bound& bound = layer.bounds.as<Bound>()[row];
  if (std::fabs(logit) > bound.slope * norms_[token] + bound.offset) {
    return logit;
  }
  const void* exact = layer.exact_row(row);
  const void* values = values_of(token);
  float again;
  layer.implementation->rows[kFloat32].dot_pairs(&exact, &values, 1, layer.padded, &again, ahead_);
  return again + bias_[row];
}

// subtree_: the first `rows` rows below `node` in heap order, as dot_subtree takes them.
void Walker::widen_subtree(int32_t node, size_t rows) {
  int32_t level_first = node;
  size_t level_size = 1;
  for (size_t i = 0; i < rows;) {
    for (size_t j = 0; j < level_size; j++, i++) {
      subtree_[i] = layer.input_row(row_of(tree_, level_first + static_cast<int32_t>(j)));
      if (kernels_.widen != nullptr) {
        float* wide = reinterpret_cast<float*>(wide_ + i * layer.float_stride);
        kernels_.widen(subtree_[i], layer.padded, wide);
        subtree_[i] = wide;
      }
    }
    level_first = 2 * level_first + 1;
    level_size *= 2;
  }
}

// Records the decisions that lead from `node` down; returns the node reached.
int32_t Walker::decide_subtree(size_t level, int32_t node, size_t down, size_t token, const float* logits) {
  float* record = logits_of(token, tree_) + level;
  size_t at = 0;
  for (size_t i = 0; i < down; i++) {
    const size_t row = row_of(tree_, node);
    float logit = logits[at] + bias_[row];
    if (layer.exact) {
      logit = recheck(row, token, logit);
    }
    record[i] = logit;
    const int right = logit > 0.0f ? 1 : 0;
    at = 2 * at + 1 + static_cast<size_t>(right);
    node = 2 * node + 1 + right;
  }
  return node;
}

// Every token meets all rows of the subtree, also those that it turns out not to visit. With `keep` the chunk is filled
// on the way.
void Walker::meet_subtree(size_t level, int32_t node, size_t down, const int32_t* tokens, size_t count, bool keep) {
  const size_t rows = (size_t{1} << down) - 1;
  widen_subtree(node, rows);
  for (size_t i = 0; i < count; i++) {
    if (i + kTokensAhead < count) {
      const float* next = input_ + static_cast<size_t>(tokens[i + kTokensAhead]) * layer.width;
      ahead_.push(next, layer.width * sizeof(float) / kLine * kLine);
    }
    const size_t token = static_cast<size_t>(tokens[i]);
    const float* values = values_of(token);  // the kernel reads whole registers
    float logits[kMostSubtreeRows];
    kernels_.dot_subtree(subtree_, rows, values, keep ? copies_ + i * plan.stride : nullptr, layer.padded, logits,
                         ahead_);
    if (layer.exact && level == 0) {
      bound_norm(token, values);
    }
    reached_[token] = decide_subtree(level, node, down, token, logits);
    if (keep) {
      chunk_token_[i] = tokens[i];
    }
  }
}

void Walker::enter(size_t level, int32_t node, size_t down, const int32_t* tokens, size_t count) {
  meet_subtree(level, node, down, tokens, count, false);
}

// The chunk's slots by the node they reached, a segment for each that any did: returns how many.
size_t Walker::sort_chunk(int32_t first, size_t nodes, size_t count) {
  int32_t next[kMostSubtreeRows + 1] = {};
  for (size_t i = 0; i < count; i++) {
    next[reached_[chunk_token_[i]] - first]++;
  }
  size_t segments = 0;
  int32_t begin = 0;
  for (size_t i = 0; i < nodes; i++) {
    const int32_t size = next[i];
    next[i] = begin;
    if (size > 0) {
      here_[segments++] = {first + static_cast<int32_t>(i), begin, begin + size};
    }
    begin += size;
  }
  for (size_t i = 0; i < count; i++) {
    slots_[next[reached_[chunk_token_[i]] - first]++] = static_cast<int32_t>(i);
  }
  return segments;
}

}  // namespace fff

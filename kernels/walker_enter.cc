// The way in: what happens to a token while it is read from the caller's memory.
#include <algorithm>
#include <cmath>
#include <cstring>

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
    float* copy = copies_ + i * plan.stride;
    std::memcpy(copy, input_ + static_cast<size_t>(tokens[i]) * layer.width, layer.width * sizeof(float));
    std::fill(copy + layer.width, copy + layer.padded, 0.0f);
    chunk_token_[i] = tokens[i];
    slots_[i] = static_cast<int32_t>(i);
    if (layer.exact && first_level) {
      bound_norm(static_cast<size_t>(tokens[i]), copy);
    }
  }
}

// norms_[token]: what the recheck bound multiplies.
void Walker::bound_norm(size_t token, const float* values) {
  const void* row = values;
  float square;
  layer.implementation->rows[kFloat32].dot_pairs(&row, &values, 1, layer.padded, &square, ahead_);
  norms_[token] = layer.norm_factor * std::sqrt(square) + layer.norm_floor;
}

// The stored logit where its sign is certain, else the float32 one: the same decision either way as a float32 layer.
float Walker::recheck(size_t row, size_t token, const float* values, float logit) {
  const float bound = layer.bound_slope.as<float>()[row] * norms_[token] + layer.bound_offset.as<float>()[row];
  if (std::fabs(logit) > bound) {
    return logit;
  }
  const void* exact = layer.exact_row(row);
  float again;
  layer.implementation->rows[kFloat32].dot_pairs(&exact, &values, 1, layer.padded, &again, ahead_);
  return again + bias_[row];
}

// subtree_: the first `rows` rows below `node` in heap order, 16-bit ones in float32.
void Walker::widen_subtree(int32_t node, size_t rows) {
  int32_t level_first = node;
  size_t level_size = 1;
  for (size_t i = 0; i < rows;) {
    for (size_t j = 0; j < level_size; j++, i++) {
      const void* row = layer.input_row(row_of(tree_, level_first + static_cast<int32_t>(j)));
      if (layer.storage == kFloat32) {
        subtree_[i] = static_cast<const float*>(row);
      } else {
        kernels_.widen(row, layer.padded, wide_ + i * plan.stride);
        subtree_[i] = wide_ + i * plan.stride;
      }
    }
    level_first = 2 * level_first + 1;
    level_size *= 2;
  }
}

// Records the decisions that lead from `node` down; returns the node reached.
int32_t Walker::decide_subtree(size_t level, int32_t node, size_t down, size_t token, const float* values,
                               const float* logits) {
  float* record = logits_of(token, tree_) + level;
  size_t at = 0;
  for (size_t i = 0; i < down; i++) {
    const size_t row = row_of(tree_, node);
    float logit = logits[at] + bias_[row];
    if (layer.exact) {
      logit = recheck(row, token, values, logit);
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
    const float* values = input_ + token * layer.width;
    float* copy = keep ? copies_ + i * plan.stride : nullptr;
    if (layer.width != layer.padded) {  // the kernel reads whole registers
      float* padded = keep ? copy : wide_ + kMostSubtreeRows * plan.stride;
      std::memcpy(padded, values, layer.width * sizeof(float));
      std::fill(padded + layer.width, padded + layer.padded, 0.0f);
      values = padded;
      copy = nullptr;
    }
    float logits[kMostSubtreeRows];
    layer.implementation->dot_subtree(subtree_, rows, values, copy, layer.padded, logits, ahead_);
    if (layer.exact && level == 0) {
      bound_norm(token, values);
    }
    reached_[token] = decide_subtree(level, node, down, token, values, logits);
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

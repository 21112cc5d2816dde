#include "walker.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace fff {
namespace {

// Into L2 and not L1: rows are long, and the tokens that will meet them live in L1 meanwhile.
inline void prefetch_row(const void* row, size_t bytes) {
  const char* at = static_cast<const char*>(row);
  for (size_t i = 0; i < bytes; i += 64) {
#if defined(_MSC_VER) && defined(FFF_X86)
    _mm_prefetch(at + i, _MM_HINT_T1);
#elif defined(__GNUC__)
    __builtin_prefetch(at + i, 0, 2);
#endif
  }
}

inline int32_t child(int32_t node, float logit) { return 2 * node + 1 + (logit > 0.0f ? 1 : 0); }

constexpr size_t kMostGroup = 32;

}  // namespace

Walker::Walker(const Layer& of, const Plan& how, Workspace& workspace, const float* input, float* output,
               const fff_recording& recording, size_t first)
    : layer(of),
      plan(how),
      kernels_(of.implementation->rows[of.storage]),
      bias_(of.bias.as<float>()),
      input_(input + first * of.width),
      output_(output + first * of.width),
      copies_(workspace.tokens.as<float>()),
      norms_(workspace.norms.as<float>()),
      chunk_token_(workspace.chunk_token.as<int32_t>()),
      slots_(workspace.slots.as<int32_t>()),
      spare_(workspace.spare.as<int32_t>()),
      results_(workspace.results.as<float>()),
      order_(workspace.order.as<int32_t>()),
      reached_(workspace.reached.as<int32_t>()),
      path_rows_(workspace.path.as<const void*>()),
      path_activations_(reinterpret_cast<float*>(workspace.path.as<const void*>() + of.levels)) {
  const size_t skip = first * of.trees * of.levels;
  nodes_ = recording.nodes == nullptr ? nullptr : recording.nodes + skip;
  activations_ = recording.activations == nullptr ? nullptr : recording.activations + skip;
  logits_ = recording.logits == nullptr ? workspace.logits.as<float>() : recording.logits + skip;
}

void Walker::load(const int32_t* tokens, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float* copy = copies_ + i * plan.stride;
    std::memcpy(copy, input_ + static_cast<size_t>(tokens[i]) * layer.width, layer.width * sizeof(float));
    std::fill(copy + layer.width, copy + layer.padded, 0.0f);
    chunk_token_[i] = tokens[i];
    slots_[i] = static_cast<int32_t>(i);
  }
  if (layer.exact) {
    bound_norms(count);
  }
}

// norms_[0..count): what the recheck bound multiplies.
void Walker::bound_norms(size_t count) {
  for (size_t done = 0; done < count; done += kMostGroup) {
    const size_t now = std::min(kMostGroup, count - done);
    const void* rows[kMostGroup] = {};
    const float* copies[kMostGroup] = {};
    for (size_t i = 0; i < now; i++) {
      rows[i] = copies[i] = copies_ + (done + i) * plan.stride;
    }
    layer.implementation->rows[kFloat32].dot_pairs(rows, copies, now, layer.padded, norms_ + done);
  }
  for (size_t i = 0; i < count; i++) {
    norms_[i] = layer.norm_factor * std::sqrt(norms_[i]) + layer.norm_floor;
  }
}

void Walker::prefetch(size_t tree, int32_t node) const {
  const size_t row = row_of(tree, node);
  const size_t bytes = layer.padded * (layer.storage == kFloat32 ? sizeof(float) : sizeof(Float16));
  prefetch_row(layer.input_row(row), bytes);
  prefetch_row(layer.output_row(row), bytes);
}

// The stored logit where its sign is certain, else the float32 one: the same decision either way as a float32 layer.
float Walker::recheck(size_t row, int32_t slot, float logit) const {
  const float bound = layer.bound_slope.as<float>()[row] * norms_[slot] + layer.bound_offset.as<float>()[row];
  if (std::fabs(logit) > bound) {
    return logit;
  }
  const void* exact = layer.exact_row(row);
  const float* copy = copy_of(slot);
  float again;
  layer.implementation->rows[kFloat32].dot_pairs(&exact, &copy, 1, layer.padded, &again);
  return again + bias_[row];
}

void Walker::descend(size_t level, int32_t node, int32_t* slots, size_t count, size_t stop) {
  if (level == stop) {
    for (size_t i = 0; i < count; i++) {
      reached_[chunk_token_[slots[i]]] = node;
    }
    return;
  }
  if (count <= plan.group && stop == layer.levels) {
    Pair pairs[kMostGroup];
    for (size_t i = 0; i < count; i++) {
      pairs[i] = {slots[i], static_cast<int32_t>(tree_), node};
    }
    walk_level_by_level(pairs, count, level);
    // In leaf order, so that neighbours share the upper rows of their paths while these are in L1.
    std::sort(pairs, pairs + count, [](const Pair& a, const Pair& b) { return a.node < b.node; });
    for (size_t i = 0; i < count; i++) {
      finish(pairs[i].slot, tree_, pairs[i].node);
    }
    return;
  }
  const size_t row = row_of(tree_, node);
  kernels_.dot_shared(layer.input_row(row), copies_, plan.stride, slots, count, layer.padded, results_);
  const float bias = bias_[row];
  size_t left = 0, right = 0;
  for (size_t i = 0; i < count; i++) {
    const int32_t slot = slots[i];
    float logit = results_[i] + bias;
    if (layer.exact) {
      logit = recheck(row, slot, logit);
    }
    logits_of(slot, tree_)[level] = logit;
    if (logit > 0.0f) {
      spare_[right++] = slot;
    } else {
      slots[left++] = slot;
    }
  }
  std::copy(spare_, spare_ + right, slots + left);
  if (level == layer.depth) {
    for (size_t i = 0; i < count; i++) {
      finish(slots[i], tree_, node);
    }
    return;
  }
  const int32_t first_child = 2 * node + 1;
  if (level + 1 >= plan.prefetch_from) {
    if (left > 0) {
      prefetch(tree_, first_child);
    }
    if (right > 0) {
      prefetch(tree_, first_child + 1);
    }
  }
  if (left > 0) {
    descend(level + 1, first_child, slots, left, stop);
  }
  if (right > 0) {
    descend(level + 1, first_child + 1, slots + left, right, stop);
  }
}

void Walker::decide(const Pair* pairs, size_t count, size_t level, float* logits) {
  const void* rows[kMostGroup] = {};
  const float* copies[kMostGroup] = {};
  for (size_t i = 0; i < count; i++) {
    rows[i] = layer.input_row(row_of(static_cast<size_t>(pairs[i].tree), pairs[i].node));
    copies[i] = copy_of(pairs[i].slot);
  }
  kernels_.dot_pairs(rows, copies, count, layer.padded, logits);
  for (size_t i = 0; i < count; i++) {
    const size_t row = row_of(static_cast<size_t>(pairs[i].tree), pairs[i].node);
    logits[i] += bias_[row];
    if (layer.exact) {
      logits[i] = recheck(row, pairs[i].slot, logits[i]);
    }
    logits_of(pairs[i].slot, static_cast<size_t>(pairs[i].tree))[level] = logits[i];
  }
}

// On return pairs[i].node is the leaf.
void Walker::walk_level_by_level(Pair* pairs, size_t count, size_t level) {
  constexpr size_t kAtOnce = 4;  // prefetches start as soon as four decisions are known
  float logits[kMostGroup];
  for (; level <= layer.depth; level++) {
    for (size_t i = 0; i < count; i += kAtOnce) {
      const size_t now = std::min(kAtOnce, count - i);
      decide(pairs + i, now, level, logits);
      if (level == layer.depth) {
        continue;
      }
      for (size_t j = 0; j < now; j++) {
        Pair& pair = pairs[i + j];
        pair.node = child(pair.node, logits[j]);
        if (level + 1 >= plan.prefetch_from) {
          // A row another token of the group has just asked for is on its way: asking again costs as much as a row.
          const auto same = [&pair](const Pair& other) { return other.node == pair.node && other.tree == pair.tree; };
          if (std::none_of(pairs, pairs + i + j, same)) {
            prefetch(static_cast<size_t>(pair.tree), pair.node);
          }
        }
      }
    }
  }
}

void Walker::walk_few(size_t count) {
  int32_t tokens[kMostGroup] = {};
  Pair pairs[kMostGroup];
  size_t walking = 0;
  for (size_t token = 0; token < count; token++) {
    tokens[token] = static_cast<int32_t>(token);
    for (size_t tree = 0; tree < layer.trees; tree++) {
      pairs[walking++] = {static_cast<int32_t>(token), static_cast<int32_t>(tree), 0};
    }
  }
  load(tokens, count);
  walk_level_by_level(pairs, walking, 0);
  for (size_t i = 0; i < walking; i++) {  // tree order within a token: the documented order of the sum
    finish(pairs[i].slot, static_cast<size_t>(pairs[i].tree), pairs[i].node);
  }
}

// Activations, recording, and the one pass over the path's rows.
void Walker::finish(int32_t slot, size_t tree, int32_t leaf) {
  const size_t token = static_cast<size_t>(chunk_token_[slot]);
  const float* logits = logits_of(slot, tree);
  const size_t at = (token * layer.trees + tree) * layer.levels;
  float* activations = activations_ == nullptr ? path_activations_ : activations_ + at;
  layer.implementation->gelu(logits, activations, layer.levels);
  for (size_t level = 0; level < layer.levels; level++) {
    const int32_t node = static_cast<int32_t>(((static_cast<int64_t>(leaf) + 1) >> (layer.depth - level)) - 1);
    path_rows_[level] = layer.output_row(row_of(tree, node));
    if (nodes_ != nullptr) {
      nodes_[at + level] = node;
    }
  }
  kernels_.accumulate(path_rows_, activations, layer.levels, layer.width, output_ + token * layer.width, tree > 0);
}

}  // namespace fff

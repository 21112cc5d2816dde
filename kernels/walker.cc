#include "walker.h"

#include <algorithm>

namespace fff {
namespace {

inline int32_t child(int32_t node, float logit) { return 2 * node + 1 + (logit > 0.0f ? 1 : 0); }

// Rows of a level known this far in advance are on their way: enough to hide the latency of memory, few enough for any L2.
constexpr size_t kAheadRows = 16;
// Fewer tokens than this do not share a row: unrelated pairs side by side keep more of them in flight.
constexpr int32_t kShare = 3;
constexpr size_t kAtOnce = 4;
// Bytes of each child's row asked for before the decision: enough to bridge the latency of L3, few enough to waste.
constexpr size_t kFirstLines = 4 * kLine;

}  // namespace

Walker::Walker(const Layer& of, Workspace& workspace, const float* input, float* output,
               const fff_recording& recording, size_t first, size_t count)
    : layer(of),
      plan(of.plan),
      kernels_(of.kernels()),
      bias_(of.bias.as<float>()),
      input_(input + first * of.width),
      output_(output + first * of.width),
      copies_(workspace.tokens.as<char>()),
      norms_(workspace.norms.as<float>()),
      chunk_token_(workspace.chunk_token.as<int32_t>()),
      slots_(workspace.slots.as<int32_t>()),
      spare_(workspace.spare.as<int32_t>()),
      results_(workspace.results.as<float>()),
      order_(workspace.order.as<int32_t>()),
      reached_(workspace.reached.as<int32_t>()),
      path_rows_(workspace.path.as<const void*>()),
      path_activations_(reinterpret_cast<float*>(workspace.path.as<const void*>() + of.levels)),
      wide_(workspace.wide.as<char>()),
      here_(workspace.segments.as<Segment>()),
      below_(here_ + workspace.segments.bytes() / 2 / sizeof(Segment)),
      stores_ahead_(count > of.plan.chunk) {
  const size_t skip = first * of.trees * of.levels;
  nodes_ = recording.nodes == nullptr ? nullptr : recording.nodes + skip;
  activations_ = recording.activations == nullptr ? nullptr : recording.activations + skip;
  logits_ = recording.logits == nullptr ? workspace.logits.as<float>() : recording.logits + skip;
}

// Breadth-first: on each level all tokens of a node meet its row together. Which rows a level needs is known before it
// begins, so that they can be fetched kAheadRows in advance.
void Walker::descend(size_t level, int32_t node, const int32_t* tokens, size_t count, size_t stop) {
  const size_t down = std::min(levels_at_once(level, count), stop - level);
  size_t segments = 1;
  if (down == 0) {
    load(tokens, count, level == 0);
    here_[0] = {node, 0, static_cast<int32_t>(count)};
  } else {
    meet_subtree(level, node, down, tokens, count, true);
    segments = sort_chunk(leftmost(node, down), size_t{1} << down, count);
  }
  for (level += down; level < stop; level++) {
    segments = step(level, segments);
  }
  if (stop == layer.levels) {
    finish_all(segments);
    return;
  }
  for (size_t s = 0; s < segments; s++) {
    for (int32_t i = here_[s].begin; i < here_[s].end; i++) {
      reached_[chunk_token_[slots_[i]]] = here_[s].node;
    }
  }
}

// One level: here_[0..segments) becomes the segments of the next one, whose number is returned.
size_t Walker::step(size_t level, size_t segments) {
  const bool fetch = level >= plan.prefetch_from;
  const void* rows[kMostGroup];
  const void* copies[kMostGroup];
  size_t waiting = 0;  // tokens of small segments, collected to be computed side by side
  size_t split_next = 0, children = 0;
  int32_t computed = 0;
  const auto compute_waiting = [&] {
    kernels_.dot_pairs(rows, copies, waiting, layer.padded, results_ + computed, ahead_);
    computed += static_cast<int32_t>(waiting);
    waiting = 0;
  };
  for (size_t s = 0; s < segments; s++) {
    const Segment& segment = here_[s];
    if (fetch && s + kAheadRows < segments) {
      expect(layer.input_row(row_of(tree_, here_[s + kAheadRows].node)));
    }
    const void* row = layer.input_row(row_of(tree_, segment.node));
    const int32_t size = segment.end - segment.begin;
    if (size >= kShare) {
      if (waiting > 0) {
        compute_waiting();
      }
      kernels_.dot_shared(row, copies_, plan.stride, slots_ + segment.begin, static_cast<size_t>(size), layer.padded,
                          results_ + segment.begin, ahead_);
      computed = segment.end;
    } else {
      for (int32_t i = segment.begin; i < segment.end; i++) {
        rows[waiting] = row;
        copies[waiting] = copy_of(slots_[i]);
        if (++waiting == kAtOnce) {
          compute_waiting();
        }
      }
    }
    for (; split_next <= s && here_[split_next].end <= computed; split_next++) {
      children = split(level, here_[split_next], children);
    }
  }
  if (waiting > 0) {
    compute_waiting();
  }
  for (; split_next < segments; split_next++) {
    children = split(level, here_[split_next], children);
  }
  std::swap(here_, below_);
  return children;
}

// Records the decisions of a segment and appends its children (itself, on the last level) to below_.
size_t Walker::split(size_t level, const Segment& segment, size_t children) {
  const size_t row = row_of(tree_, segment.node);
  const float bias = bias_[row];
  int32_t left = segment.begin;
  size_t right = 0;
  for (int32_t i = segment.begin; i < segment.end; i++) {
    const int32_t slot = slots_[i];
    float logit = results_[i] + bias;
    if (layer.exact) {
      logit = recheck(row, token_of(slot), logit);
    }
    logits_of(token_of(slot), tree_)[level] = logit;
    // Written to both sides and kept on one: a branch would be wrong every other time.
    spare_[right] = slot;
    slots_[left] = slot;
    right += logit > 0.0f ? 1 : 0;
    left += logit > 0.0f ? 0 : 1;
  }
  if (level == layer.depth) {
    std::copy(spare_, spare_ + right, slots_ + left);
    below_[children++] = segment;
    return children;
  }
  const bool fetch = level + 1 >= plan.prefetch_from;
  const int32_t first_child = 2 * segment.node + 1;
  if (segment.end - segment.begin == 1) {
    const int32_t node = first_child + static_cast<int32_t>(right);
    slots_[segment.begin] = spare_[0];
    below_[children] = {node, segment.begin, segment.end};
    if (children < kAheadRows && fetch) {
      expect(layer.input_row(row_of(tree_, node)));
    }
    return children + 1;
  }
  std::copy(spare_, spare_ + right, slots_ + left);
  for (int side = 0; side < 2; side++) {
    const Segment child = side == 0 ? Segment{first_child, segment.begin, left}
                                    : Segment{first_child + 1, left, segment.end};
    if (child.begin < child.end) {
      if (children < kAheadRows && fetch) {
        expect(layer.input_row(row_of(tree_, child.node)));
      }
      below_[children++] = child;
    }
  }
  return children;
}

void Walker::decide(const Pair* pairs, size_t count, size_t level, float* logits) {
  const void* rows[kMostGroup] = {};
  const void* copies[kMostGroup] = {};
  for (size_t i = 0; i < count; i++) {
    rows[i] = layer.input_row(row_of(static_cast<size_t>(pairs[i].tree), pairs[i].node));
    copies[i] = copy_of(pairs[i].slot);
  }
  kernels_.dot_pairs(rows, copies, count, layer.padded, logits, ahead_);
  for (size_t i = 0; i < count; i++) {
    const size_t row = row_of(static_cast<size_t>(pairs[i].tree), pairs[i].node);
    logits[i] += bias_[row];
    if (layer.exact) {
      logits[i] = recheck(row, token_of(pairs[i].slot), logits[i]);
    }
    logits_of(token_of(pairs[i].slot), static_cast<size_t>(pairs[i].tree))[level] = logits[i];
  }
}

// The first lines of both rows that a token alone may need next: decided, it finds them on their way.
void Walker::expect_children(const Pair& pair) const {
  const size_t left = row_of(static_cast<size_t>(pair.tree), 2 * pair.node + 1);
  const size_t bytes = std::min(kFirstLines, layer.row_bytes);
  Ahead::fetch_now(layer.input_row(left), bytes);
  Ahead::fetch_now(layer.input_row(left + 1), bytes);
}

// On return pairs[i].node is the leaf.
void Walker::walk_level_by_level(Pair* pairs, size_t count, size_t level) {
  float logits[kMostGroup];
  for (; level <= layer.depth; level++) {
    if (count == 1 && level < layer.depth && level + 1 >= plan.prefetch_from) {
      expect_children(pairs[0]);
    }
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
            const size_t row = row_of(static_cast<size_t>(pair.tree), pair.node);
            Ahead::fetch_now(layer.input_row(row), layer.row_bytes);
            expect(layer.output_row(row));
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
  load(tokens, count, true);
  walk_level_by_level(pairs, walking, 0);
  finish(pairs, walking);  // tree order within a token: the documented order of the sum
}

}  // namespace fff

// Which token meets which row when: the drivers. All arithmetic is the implementation's (README, "Walking the tree").
//
// Three regimes, by how many tokens share a node:
//   group     a few tokens walk level by level; the rows each needs next are prefetched while the others are computed
//   descend   a chunk of tokens goes down breadth-first, all tokens of a node together
//   stage     more tokens than a chunk first go down a few levels, are sorted by the node they reached, and go on from
//             there, so that a deep row is read once for all tokens of the batch
// The output of a token is accumulated once, when its whole path is known.
#include "fff.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "layer.h"
#include "threads.h"
#include "walker.h"
#include "workspace.h"

namespace fff {
namespace {

// One forward call; parts of its tokens may run on several threads.
struct Call {
  const Layer* layer;
  const float* input;
  float* output;
  fff_recording recording;
  size_t tokens;
  size_t parts;
  Workspace* workspaces[256];
};

// Most nodes that a stage sorts tokens into.
constexpr size_t kMostStageNodes = 256;

// Sorts `order[0..count)` by reached[] - first into spare and back; counts[i] tokens reached first + i.
void sort_by_node(int32_t* order, size_t count, const int32_t* reached, int32_t first, size_t nodes, int32_t* spare,
                  int32_t* counts) {
  std::fill(counts, counts + nodes, 0);
  for (size_t i = 0; i < count; i++) {
    counts[reached[order[i]] - first]++;
  }
  int32_t starts[kMostStageNodes];
  int32_t start = 0;
  for (size_t node = 0; node < nodes; node++) {
    starts[node] = start;
    start += counts[node];
  }
  for (size_t i = 0; i < count; i++) {
    spare[starts[reached[order[i]] - first]++] = order[i];
  }
  std::copy(spare, spare + count, order);
}

// Takes the tokens order[0..count), all at `node`, to the leaves.
void stage(Walker& walker, size_t level, int32_t node, int32_t* order, size_t count) {
  const Layer& layer = walker.layer;
  const size_t chunk = walker.plan.chunk;
  size_t down = 0;
  if (level < walker.plan.direct_from) {
    while (count >> down > chunk && (size_t{1} << down) < kMostStageNodes && level + down < layer.depth) {
      down++;
    }
  }
  if (down == 0) {
    for (size_t done = 0; done < count; done += chunk) {
      walker.descend(level, node, order + done, std::min(chunk, count - done), layer.levels);
    }
    return;
  }
  if (down <= walker.levels_at_once(level, count)) {
    walker.enter(level, node, down, order, count);
  } else {
    for (size_t done = 0; done < count; done += chunk) {
      walker.descend(level, node, order + done, std::min(chunk, count - done), level + down);
    }
  }
  const int32_t first = leftmost(node, down);
  int32_t counts[kMostStageNodes];
  sort_by_node(order, count, walker.reached(), first, size_t{1} << down, walker.spare(), counts);
  for (size_t i = 0; i < size_t{1} << down; i++) {
    const size_t here = static_cast<size_t>(counts[i]);
    if (here > 0) {
      stage(walker, level + down, first + static_cast<int32_t>(i), order, here);
      order += here;
    }
  }
}

// Runs tokens [begin, end) with one workspace.
void run_range(const Call& call, Workspace& workspace, size_t begin, size_t end) {
  const Layer& layer = *call.layer;
  for (size_t at = begin; at < end; at += layer.plan.slab) {
    const size_t count = std::min(layer.plan.slab, end - at);
    Walker walker(layer, workspace, call.input, call.output, call.recording, at, count);
    if (count * layer.trees <= layer.plan.group) {
      walker.walk_few(count);
      continue;
    }
    for (size_t tree = 0; tree < layer.trees; tree++) {
      int32_t* order = walker.order();
      for (size_t i = 0; i < count; i++) {
        order[i] = static_cast<int32_t>(i);
      }
      walker.set_tree(tree);
      stage(walker, 0, 0, order, count);
    }
  }
}

void run_part(void* context, size_t part) {
  const Call& call = *static_cast<const Call*>(context);
  const size_t begin = call.tokens / call.parts * part + std::min(part, call.tokens % call.parts);
  const size_t end = begin + call.tokens / call.parts + (part < call.tokens % call.parts ? 1 : 0);
  run_range(call, *call.workspaces[part], begin, end);
}

// Below this much work a part is over before a sleeping thread has woken (README, "Threads").
constexpr size_t kMultiplyAddsAPart = size_t{1} << 20;

size_t parts_for(const Layer& layer, size_t tokens) {
  const size_t work = 2 * layer.width * layer.levels * layer.trees;  // multiply-adds a token; fits, or packing failed
  const size_t tokens_a_part = std::max<size_t>(1, kMultiplyAddsAPart / work);
  return std::max<size_t>(1, std::min(layer.threads, tokens / tokens_a_part));
}

bool misaligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % alignof(float) != 0; }

struct Range {
  uintptr_t begin, end;
};

bool overlap(Range a, Range b) { return a.begin < b.end && b.begin < a.end; }

fff_status check_buffers(const float* input, const float* output, const fff_recording& recording, size_t row_bytes,
                         size_t path_bytes) {
  const void* pointers[5] = {input, output, recording.nodes, recording.logits, recording.activations};
  Range ranges[5];
  size_t count = 0;
  for (size_t i = 0; i < 5; i++) {
    if (pointers[i] == nullptr) {
      continue;
    }
    if (misaligned(pointers[i])) {
      return FFF_BAD_ARGUMENT;
    }
    const uintptr_t begin = reinterpret_cast<uintptr_t>(pointers[i]);
    const size_t bytes = i < 2 ? row_bytes : path_bytes;
    if (bytes > UINTPTR_MAX - begin) {
      return FFF_BAD_ARGUMENT;
    }
    ranges[count] = {begin, begin + bytes};
    for (size_t j = 0; j < count; j++) {
      if (overlap(ranges[j], ranges[count])) {
        return FFF_BAD_ARGUMENT;
      }
    }
    count++;
  }
  return FFF_OK;
}

}  // namespace
}  // namespace fff

extern "C" fff_status fff_layer_forward(const fff_layer* layer, const float* input, size_t tokens, float* output,
                                        const fff_recording* recording) {
  if (layer == nullptr) {
    return FFF_BAD_ARGUMENT;
  }
  if (tokens == 0) {
    return FFF_OK;
  }
  if (input == nullptr || output == nullptr) {
    return FFF_BAD_ARGUMENT;
  }
  size_t values, paths, path_values;
  if (!fff::multiply(tokens, layer->width, &values) || values > PTRDIFF_MAX / sizeof(float) ||
      !fff::multiply(tokens, layer->trees, &paths) || !fff::multiply(paths, layer->levels, &path_values) ||
      path_values > PTRDIFF_MAX / sizeof(float)) {
    return FFF_SIZE_OVERFLOW;
  }
  fff::Call call;
  call.layer = layer;
  call.input = input;
  call.output = output;
  call.recording = recording == nullptr ? fff_recording{nullptr, nullptr, nullptr} : *recording;
  call.tokens = tokens;
  call.parts = fff::parts_for(*layer, tokens);
  const fff_status buffers = fff::check_buffers(input, output, call.recording, values * sizeof(float),
                                                path_values * sizeof(float));
  if (buffers != FFF_OK) {
    return buffers;
  }
  // All memory before any work, so that a call either happens or does not.
  bool enough = true;
  size_t taken = 0;
  for (; enough && taken < call.parts; taken++) {
    fff::Workspace* workspace = fff::acquire_workspace();
    if (workspace == nullptr) {
      enough = false;
      break;
    }
    call.workspaces[taken] = workspace;
    enough = workspace->reserve(*layer, tokens / call.parts + 1);
  }
  if (enough) {
    fff::run_parts(call.parts, &fff::run_part, &call);
  }
  for (size_t i = 0; i < taken; i++) {
    fff::return_workspace(call.workspaces[i]);
  }
  return enough ? FFF_OK : FFF_OUT_OF_MEMORY;
}

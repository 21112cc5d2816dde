#include "workspace.h"

#include <algorithm>
#include <mutex>
#include <new>

namespace fff {
namespace {

// Idle workspaces kept for the next call. A handful: one a thread of a call.
constexpr size_t kMostIdle = 16;

class IdleList {
 public:
  ~IdleList() {
    while (first_ != nullptr) {
      Workspace* workspace = first_;
      first_ = workspace->next;
      delete workspace;
    }
  }

  Workspace* take() {
    std::lock_guard<std::mutex> lock(mutex_);
    Workspace* workspace = first_;
    if (workspace != nullptr) {
      first_ = workspace->next;
      count_--;
    }
    return workspace;
  }

  bool put(Workspace* workspace) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (count_ == kMostIdle) {
      return false;
    }
    workspace->next = first_;
    first_ = workspace;
    count_++;
    return true;
  }

 private:
  std::mutex mutex_;
  Workspace* first_ = nullptr;
  size_t count_ = 0;
};

IdleList idle;

// Budgets in bytes, for the caches of any CPU of the last ten years with AVX2: L1 from 32 KB, L2 from 1 MB (less on
// some, which then read tokens from L3).
constexpr size_t kGroupBytes = size_t{30} << 10;
constexpr size_t kChunkBytes = size_t{512} << 10;
constexpr size_t kHotRowBytes = size_t{512} << 10;
constexpr size_t kSlabPaths = 32768;

}  // namespace

Plan plan_for(const Layer& layer) {
  Plan plan;
  const size_t copy = padded_stride(layer.padded, layer.kernels().token_bytes);
  plan.stride = copy;
  plan.group = std::min<size_t>(kMostGroup, std::max<size_t>(4, kGroupBytes / copy));
  plan.chunk = std::min<size_t>(1024, std::max<size_t>(32, kChunkBytes / copy));
  plan.slab = std::max(plan.chunk, kSlabPaths / layer.trees);
  while (plan.prefetch_from < layer.levels &&
         ((size_t{2} << plan.prefetch_from) - 1) * layer.trees * layer.row_stride * 2 <= kHotRowBytes) {
    plan.prefetch_from++;
  }
  while (plan.direct_from < layer.depth &&
         ((size_t{2} << (layer.depth - plan.direct_from)) - 1) * layer.row_stride * 2 > kHotRowBytes) {
    plan.direct_from++;
  }
  return plan;
}

bool Workspace::reserve(const Layer& layer, size_t tokens_in_call) {
  const Plan& plan = layer.plan;
  const size_t slab = std::min(plan.slab, tokens_in_call);
  const size_t chunk = std::min(plan.chunk, tokens_in_call);
  // A small call walks (token, tree) pairs, of which there are at most `group`.
  const size_t walkers = std::max(chunk, plan.group);
  size_t paths, path_values;
  if (!multiply(slab, layer.trees, &paths) || !multiply(paths, layer.levels, &path_values) ||
      path_values > PTRDIFF_MAX / sizeof(float)) {
    return false;
  }
  return tokens.reserve(chunk * plan.stride) && wide.reserve((kMostSubtreeRows + 1) * layer.float_stride) &&
         norms.reserve(slab * sizeof(float)) &&
         chunk_token.reserve(chunk * sizeof(int32_t)) && slots.reserve(walkers * sizeof(int32_t)) &&
         spare.reserve(std::max(walkers, slab) * sizeof(int32_t)) && results.reserve(walkers * sizeof(float)) &&
         segments.reserve(2 * walkers * 3 * sizeof(int32_t)) &&
         order.reserve(slab * sizeof(int32_t)) && reached.reserve(slab * sizeof(int32_t)) &&
         logits.reserve(path_values * sizeof(float)) &&
         path.reserve(layer.levels * (sizeof(void*) + kMostGroup * sizeof(float)));
}

Workspace* acquire_workspace() {
  Workspace* workspace = idle.take();
  return workspace != nullptr ? workspace : new (std::nothrow) Workspace;
}

void return_workspace(Workspace* workspace) {
  if (!idle.put(workspace)) {
    delete workspace;
  }
}

}  // namespace fff

#include "memory.h"

#include <cstdlib>
#include <cstring>

#if defined(_WIN32)
#include <malloc.h>
#elif defined(__linux__)
#include <sys/mman.h>
#endif

namespace fff {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

bool Block::allocate(size_t bytes) {
  release();
  if (bytes == 0) {
    return true;
  }
  if (bytes > PTRDIFF_MAX - kHugePage) {
    return false;
  }
  const bool huge = bytes >= 2 * kHugePage;
  const size_t alignment = huge ? kHugePage : kLine;
#if defined(_WIN32)
  data_ = _aligned_malloc(bytes, alignment);
#else
  if (posix_memalign(&data_, alignment, bytes) != 0) {
    data_ = nullptr;
  }
#endif
  if (data_ == nullptr) {
    return false;
  }
#if defined(__linux__)
  if (huge) {
    // Only whole huge pages inside the block; a kernel that refuses costs speed, never correctness.
    (void)madvise(data_, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  }
#endif
  std::memset(data_, 0, bytes);
  bytes_ = bytes;
  return true;
}

void Block::release() {
#if defined(_WIN32)
  _aligned_free(data_);
#else
  std::free(data_);
#endif
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace fff

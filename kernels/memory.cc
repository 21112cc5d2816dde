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

constexpr size_t kHugePage = size_t{2} << 20;
// Below, a huge page would be mostly empty; above are the copies of a chunk and all layers that do not fit in L2.
constexpr size_t kHugeFrom = size_t{384} << 10;
// Not where the address sanitizer watches the end of each block: rounding up would hide what lies behind it.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FFF_SMALL_PAGES 1
#endif
#endif
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(FFF_SMALL_PAGES)
constexpr bool kHugePages = true;
#else
constexpr bool kHugePages = false;
#endif

}  // namespace

bool Block::allocate(size_t bytes) {
  release();
  if (bytes == 0) {
    return true;
  }
  if (bytes > PTRDIFF_MAX - kHugePage) {
    return false;
  }
#if defined(_WIN32)
  data_ = _aligned_malloc(bytes, kLine);
#else
  const bool huge = kHugePages && bytes >= kHugeFrom;
  const size_t whole = huge ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes;
  if (posix_memalign(&data_, huge ? kHugePage : kLine, whole) != 0) {
    data_ = nullptr;
  }
#if defined(__linux__)
  if (data_ != nullptr && huge) {
    (void)madvise(data_, whole, MADV_HUGEPAGE);  // refused, it costs speed and never correctness
  }
#endif
#endif
  if (data_ == nullptr) {
    return false;
  }
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

// Aligned memory that reports failure instead of throwing, and arithmetic on sizes that reports overflow.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fff {

// Bytes of a cache line.
constexpr size_t kLine = 64;

// a * b into *product; false on overflow.
inline bool multiply(size_t a, size_t b, size_t* product) {
  if (b != 0 && a > SIZE_MAX / b) {
    return false;
  }
  *product = a * b;
  return true;
}

// An owned block aligned to a cache line; a large one is made of huge pages where Linux has them, because a walk down a
// tree touches rows far apart and would otherwise miss the TLB on each (README, "Memory").
class Block {
 public:
  Block() = default;
  ~Block() { release(); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Zero-filled; any earlier content is lost. False when there is no memory; the block is then empty.
  bool allocate(size_t bytes);
  // Keeps a block that is already large enough, content undefined otherwise.
  bool reserve(size_t bytes) { return bytes <= bytes_ || allocate(bytes); }
  void release();

  size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace fff

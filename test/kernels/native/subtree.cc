// One token against the rows of a subtree: the same bits as row by row, at any alignment, and the copy the others read.
#include <cstring>
#include <string>
#include <vector>

#include "half.h"
#include "implementation.h"
#include "layer_under_test.h"
#include "tests.h"

namespace {

using namespace reference;

std::vector<float> random_values(check::Random& random, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(random.uniform());
  }
  return values;
}

fff::Float16 narrowed(float value, fff::Float16) { return fff::to_float16(value); }
fff::Bfloat16 narrowed(float value, fff::Bfloat16) { return fff::to_bfloat16(value); }
float narrowed(float value, float) { return value; }

template <class W>
void same_as_row_by_row(const fff::Implementation& implementation, fff::Storage storage, size_t rows, size_t padded,
                        size_t shift) {
  const fff::RowKernels& kernels = implementation.rows[storage];
  check::Case test(std::string("subtree ") + implementation.name + " storage " + std::to_string(storage) + " rows " +
                   std::to_string(rows) + " padded " + std::to_string(padded) + " shift " + std::to_string(shift));
  check::Random random(padded + rows);
  const size_t stride = (padded + 31) / 32 * 32;  // zeros up to a whole line, as in a layer
  std::vector<W> weights(rows * stride, W{});
  std::vector<float> wide(rows * padded);
  std::vector<const void*> stored, met;
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = 0; i < padded; i++) {
      weights[row * stride + i] = narrowed(static_cast<float>(random.uniform()), W{});
    }
    stored.push_back(weights.data() + row * stride);
    met.push_back(stored.back());
    if (kernels.widen != nullptr) {
      kernels.widen(stored.back(), padded, wide.data() + row * padded);
      met.back() = wide.data() + row * padded;
    }
  }
  const std::vector<float> values = random_values(random, padded + shift);
  const float* const token = values.data() + shift;
  fff::Ahead ahead;
  ahead.push(token, padded * sizeof(float) / 64 * 64);
  std::vector<float> logits(rows + 1, -7.0f), without(rows, -7.0f);
  const size_t bytes = stride * kernels.token_bytes;
  std::vector<char> copy(bytes + 64, 'x'), expected(bytes + 64, 'x');
  kernels.copy(token, padded, padded, expected.data());
  kernels.dot_subtree(met.data(), rows, token, copy.data(), padded, logits.data(), ahead);
  kernels.dot_subtree(met.data(), rows, token, nullptr, padded, without.data(), ahead);
  test.that(logits[rows] == -7.0f, "wrote out of bounds");
  test.that(copy == expected, "the copy differs");
  const int32_t slot = 0;
  for (size_t row = 0; row < rows; row++) {
    float alone, paired;
    const void* const from = copy.data();
    kernels.dot_shared(stored[row], copy.data(), 0, &slot, 1, padded, &alone, ahead);
    kernels.dot_pairs(&stored[row], &from, 1, padded, &paired, ahead);
    test.that(std::memcmp(&alone, &logits[row], sizeof alone) == 0, "logit " + std::to_string(row) + " differs");
    test.that(std::memcmp(&alone, &without[row], sizeof alone) == 0, "and without a copy");
    test.that(std::memcmp(&alone, &paired, sizeof alone) == 0, "and beside others");
  }
}

void widens_exactly(const fff::Implementation& implementation) {
  check::Case test(std::string("widen ") + implementation.name);
  constexpr size_t kCount = 16384;
  std::vector<fff::Bfloat16> brain(kCount);
  std::vector<fff::Float16> half(kCount);
  std::vector<float> wide(kCount);
  for (uint32_t i = 0; i < kCount; i++) {  // an odd step meets signs, subnormals and both ends of the exponents
    brain[i].bits = half[i].bits = static_cast<uint16_t>(i * 4 + i % 4);
  }
  if (implementation.rows[fff::kBfloat16].widen != nullptr) {
    implementation.rows[fff::kBfloat16].widen(brain.data(), kCount, wide.data());
    for (size_t i = 0; i < kCount; i++) {
      const float expected = fff::widen(brain[i]);
      test.that(same({wide[i]}, {expected}), "bf16 " + std::to_string(brain[i].bits));
    }
  }
  implementation.rows[fff::kFloat16].widen(half.data(), kCount, wide.data());
  for (size_t i = 0; i < kCount; i++) {
    const float expected = fff::widen(half[i]);
    test.that(same({wide[i]}, {expected}), "fp16 " + std::to_string(half[i].bits));
  }
}

}  // namespace

void test_subtree() {
  for (const char* name : supported_implementations()) {
    const fff::Implementation& implementation = *fff::find_implementation(name);
    for (size_t levels = 1; levels <= implementation.subtree_levels; levels++) {
      for (const size_t padded : {16, 32, 48, 64, 80, 112, 128, 768, 784}) {
        const size_t rows = (size_t{1} << levels) - 1, shift = padded / 16 % 4;
        same_as_row_by_row<float>(implementation, fff::kFloat32, rows, padded, shift);
        same_as_row_by_row<fff::Bfloat16>(implementation, fff::kBfloat16, rows, padded, shift);
        same_as_row_by_row<fff::Float16>(implementation, fff::kFloat16, rows, padded, shift);
      }
    }
    widens_exactly(implementation);
  }
}

// One token against the rows of a subtree: the same bits as row by row, at any alignment, and an exact copy.
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

void same_as_row_by_row(const fff::Implementation& implementation, size_t rows, size_t padded, size_t shift) {
  check::Case test(std::string("subtree ") + implementation.name + " rows " + std::to_string(rows) + " padded " +
                   std::to_string(padded) + " shift " + std::to_string(shift));
  check::Random random(padded + rows);
  const std::vector<float> weights = random_values(random, rows * padded);
  const std::vector<float> values = random_values(random, padded + shift);
  const float* const input = values.data() + shift;
  std::vector<const float*> pointers;
  for (size_t row = 0; row < rows; row++) {
    pointers.push_back(weights.data() + row * padded);
  }
  fff::Ahead ahead;
  ahead.push(input, padded * sizeof(float) / 64 * 64);
  std::vector<float> logits(rows + 1, -7.0f), without(rows, -7.0f), copy(padded + 1, -7.0f);
  implementation.dot_subtree(pointers.data(), rows, input, copy.data(), padded, logits.data(), ahead);
  implementation.dot_subtree(pointers.data(), rows, input, nullptr, padded, without.data(), ahead);
  test.that(logits[rows] == -7.0f && copy[padded] == -7.0f, "wrote out of bounds");
  test.that(std::memcmp(copy.data(), input, padded * sizeof(float)) == 0, "the copy differs");
  const int32_t slot = 0;
  for (size_t row = 0; row < rows; row++) {
    float alone;
    implementation.rows[fff::kFloat32].dot_shared(pointers[row], input, 0, &slot, 1, padded, &alone, ahead);
    test.that(std::memcmp(&alone, &logits[row], sizeof alone) == 0, "logit " + std::to_string(row) + " differs");
    test.that(std::memcmp(&alone, &without[row], sizeof alone) == 0, "and without a copy");
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
  implementation.rows[fff::kBfloat16].widen(brain.data(), kCount, wide.data());
  for (size_t i = 0; i < kCount; i++) {
    const float expected = fff::widen(brain[i]);
    test.that(same({wide[i]}, {expected}), "bf16 " + std::to_string(brain[i].bits));
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
        same_as_row_by_row(implementation, (size_t{1} << levels) - 1, padded, padded / 16 % 4);
      }
    }
    widens_exactly(implementation);
  }
}

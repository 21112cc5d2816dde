// Every implementation and precision against float64, over random shapes: values, paths, and what must not matter
// (alignment, recording, the batch around a token, threads).
#include <algorithm>
#include <string>

#include "tests.h"
#include "layer_under_test.h"

namespace {

using namespace reference;

std::string title(const char* what, const char* implementation, fff_precision precision, const Shape& shape) {
  return std::string(what) + " " + implementation + " " + name_of(precision) + " " + shape.text();
}

constexpr size_t kWidths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 63, 64, 65, 96, 100, 127, 129, 200, 257, 768};
constexpr size_t kTokens[] = {0, 1, 2, 3, 4, 5, 7, 9, 13, 16, 31, 33, 64, 100, 129, 211, 300};

// A random shape of this depth whose work stays affordable under a sanitizer.
Shape random_shape(check::Random& random, size_t depth) {
  for (;;) {
    const Shape shape = {kWidths[random.below(sizeof kWidths / sizeof *kWidths)], depth, 1 + random.below(8),
                         kTokens[random.below(sizeof kTokens / sizeof *kTokens)]};
    const size_t cost = shape.rows() * shape.width + 4 * shape.paths() * shape.width;
    if (cost <= (depth > 12 ? 800000u : 400000u)) {
      return shape;
    }
  }
}

void against_reference(const char* implementation, fff_precision precision, const Shape& shape, uint64_t seed,
                       size_t shift) {
  check::Case test(title("reference", implementation, precision, shape));
  const Weights weights(shape, seed);
  const std::vector<float> input = random_tokens(shape, seed + 1);
  const LayerUnderTest layer(implementation, shape, weights, precision);
  if (!test.that(layer.status() == FFF_OK, "create")) {
    return;
  }
  const Result result = layer.run(test, input, shape.tokens, shift);
  verify(test, shape, weights, {implementation, precision}, input.data(), result);
  test.that(same(layer.run(test, input, shape.tokens, 0, false).output, result.output),
            "output depends on recording or alignment");
  if (precision == FFF_EXACT_LOW) {
    const LayerUnderTest full(implementation, shape, weights, FFF_FP32);
    test.that(full.run(test, input, shape.tokens).nodes == result.nodes, "a path differs from fp32");
  }
}

// What runs where nothing is asked for: the kernel may choose another implementation for each precision.
void chosen_by_precision() {
  check::Case test("exact-low and fp32 as chosen");
  const Shape shape = {200, 9, 2, 300};
  const Weights weights(shape, 41);
  const std::vector<float> input = random_tokens(shape, 42);
  const LayerUnderTest low(nullptr, shape, weights, FFF_EXACT_LOW), full(nullptr, shape, weights, FFF_FP32);
  if (test.that(low.status() == FFF_OK && full.status() == FFF_OK, "create")) {
    test.that(low.run(test, input, shape.tokens).nodes == full.run(test, input, shape.tokens).nodes, "a path differs");
  }
}

// A token's results are the same bits alone, in any batch, and with any number of threads.
void batch_does_not_matter(const char* implementation, fff_precision precision, const Shape& shape, uint64_t seed) {
  check::Case test(title("batch", implementation, precision, shape));
  const Weights weights(shape, seed);
  const std::vector<float> input = random_tokens(shape, seed + 1);
  const LayerUnderTest layer(implementation, shape, weights, precision);
  if (!test.that(layer.status() == FFF_OK, "create")) {
    return;
  }
  const Result together = layer.run(test, input, shape.tokens);
  Result apart;
  check::Random random(seed + 2);
  for (size_t at = 0; at < shape.tokens;) {
    const size_t count = std::min(shape.tokens - at, random.below(8) < 6 ? 1 + random.below(3) : 1 + random.below(400));
    const std::vector<float> some(input.begin() + static_cast<ptrdiff_t>(at * shape.width), input.end());
    const Result part = layer.run(test, some, count);
    apart.output.insert(apart.output.end(), part.output.begin(), part.output.end());
    apart.logits.insert(apart.logits.end(), part.logits.begin(), part.logits.end());
    apart.nodes.insert(apart.nodes.end(), part.nodes.begin(), part.nodes.end());
    at += count;
  }
  test.that(same(together.output, apart.output), "output depends on the batch");
  test.that(same(together.logits, apart.logits), "logits depend on the batch");
  test.that(together.nodes == apart.nodes, "paths depend on the batch");
  for (const size_t threads : {2, 3, 5}) {
    const LayerUnderTest threaded(implementation, shape, weights, precision, threads);
    const Result other = threaded.run(test, input, shape.tokens);
    test.that(same(together.output, other.output) && together.nodes == other.nodes, "results depend on threads");
  }
}

// One token repeated, and tokens from two directions only: nodes with very many and with no tokens.
void skewed(const char* implementation, fff_precision precision, const Shape& shape, uint64_t seed) {
  check::Case test(title("skewed", implementation, precision, shape));
  const Weights weights(shape, seed);
  std::vector<float> input = random_tokens(shape, seed + 1);
  for (size_t token = 2; token < shape.tokens; token++) {
    const size_t from = token % 7 == 0 ? 1 : 0;
    std::copy_n(input.begin() + static_cast<ptrdiff_t>(from * shape.width), shape.width,
                input.begin() + static_cast<ptrdiff_t>(token * shape.width));
  }
  const LayerUnderTest layer(implementation, shape, weights, precision);
  if (test.that(layer.status() == FFF_OK, "create")) {
    verify(test, shape, weights, {implementation, precision}, input.data(), layer.run(test, input, shape.tokens));
  }
}

}  // namespace

void test_properties() {
  chosen_by_precision();
  for (const char* implementation : supported_implementations()) {
    for (const fff_precision precision : kPrecisions) {
      check::Random random(17);
      for (size_t depth = 0; depth <= 15; depth++) {
        for (size_t repeat = 0; repeat < (depth > 12 ? 1u : 4u); repeat++) {
          against_reference(implementation, precision, random_shape(random, depth), random.next(), random.below(4));
        }
      }
      // More tokens than a chunk holds and more rows than L2: the staged walk. More tokens than a slab: several.
      against_reference(implementation, precision, {768, 6, 1, 300}, 5, 1);
      against_reference(implementation, precision, {40, 11, 1, 2500}, 6, 2);
      against_reference(implementation, precision, {3, 2, 8, 4200}, 7, 3);
      against_reference(implementation, precision, {4, 0, 2, 1500}, 8, 0);
      batch_does_not_matter(implementation, precision, {33, 7, 2, 150}, 9);
      skewed(implementation, precision, {40, 11, 1, 1400}, 12);
      batch_does_not_matter(implementation, precision, {130, 5, 1, 300}, 10);
      batch_does_not_matter(implementation, precision, {33, 11, 1, 1200}, 11);
      skewed(implementation, precision, {768, 5, 1, 290}, 13);
      // A stage that goes further down than one subtree.
      against_reference(implementation, precision, {4096, 5, 1, 300}, 14, 1);
      // Subtrees cut off by the leaves, and batches on both sides of where whole subtrees begin; padded tokens and not.
      for (const size_t depth : {1, 2, 3}) {
        against_reference(implementation, precision, {48, depth, 3, 70}, 15 + depth, depth);
        against_reference(implementation, precision, {50, depth, 1, 33}, 25 + depth, depth);
      }
      batch_does_not_matter(implementation, precision, {64, 6, 2, 31}, 35);
      batch_does_not_matter(implementation, precision, {64, 6, 2, 200}, 36);
      batch_does_not_matter(implementation, precision, {64, 11, 1, 1100}, 37);
    }
  }
}

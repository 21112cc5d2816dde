// NaN and infinity in tokens and weights, overflow, zeros and subnormals: the rules of README, "Not finite".
#include <cmath>
#include <limits>
#include <string>

#include "tests.h"
#include "layer_under_test.h"

namespace {

using namespace reference;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

// Sprinkles NaN and infinities over tokens, input weights, biases and output weights.
void sprinkled(const char* implementation, fff_precision precision, const Shape& shape, uint64_t seed) {
  check::Case test(std::string("not finite ") + implementation + " " + name_of(precision) + " " + shape.text());
  check::Random random(seed);
  Weights weights(shape, seed);
  std::vector<float> input = random_tokens(shape, seed + 1);
  const float specials[] = {kNan, kInfinity, -kInfinity};
  const auto sprinkle = [&](std::vector<float>& values, size_t one_in) {
    for (size_t i = 0; i < values.size() / one_in + 1; i++) {
      values[random.below(values.size())] = specials[random.below(3)];
    }
  };
  sprinkle(input, 40 * shape.width / 10);
  sprinkle(weights.input, 60 * shape.width / 10);
  sprinkle(weights.bias, 50);
  sprinkle(weights.output, 100 * shape.width / 10);
  const LayerUnderTest layer(implementation, shape, weights, precision);
  if (!test.that(layer.status() == FFF_OK, "create")) {
    return;
  }
  const Result result = layer.run(test, input, shape.tokens);
  verify(test, shape, weights, {implementation, precision}, input.data(), result);
  if (precision == FFF_EXACT_LOW) {
    const LayerUnderTest full(implementation, shape, weights, FFF_FP32);
    test.that(full.run(test, input, shape.tokens).nodes == result.nodes, "a path differs from fp32");
  }
}

// Logits set by hand through the bias: which side is taken, and what the activation is.
void decisions(const char* implementation, fff_precision precision) {
  struct Expected {
    float logit;
    int32_t next;
    float activation;
  };
  const Expected cases[] = {{0.0f, 1, 0.0f},
                            {-0.0f, 1, -0.0f},
                            {kNan, 1, kNan},
                            {kInfinity, 2, kInfinity},
                            {-kInfinity, 1, kNan},  // -inf * (1 + erf(-inf)) / 2 = -inf * 0, as PyTorch computes it
                            {1e-30f, 2, 5e-31f},
                            {-1e-30f, 1, -5e-31f},
                            {50.0f, 2, 50.0f},
                            {-50.0f, 1, -0.0f},
                            {1e30f, 2, 1e30f},
                            {-1e30f, 1, -0.0f}};
  for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
    const Expected& expected = cases[i / 2];
    const size_t tokens = i % 2 == 0 ? 3 : 40;  // level by level, and depth-first
    check::Case test(std::string("decision ") + implementation + " " + name_of(precision) + " logit " +
                     std::to_string(expected.logit) + " tokens " + std::to_string(tokens));
    const Shape shape = {5, 1, 1, tokens};
    Weights weights(shape, 3);
    std::fill(weights.input.begin(), weights.input.end(), 0.0f);
    std::fill(weights.bias.begin(), weights.bias.end(), expected.logit);
    const LayerUnderTest layer(implementation, shape, weights, precision);
    const Result result = layer.run(test, random_tokens(shape, 4), shape.tokens);
    for (size_t token = 0; token < shape.tokens; token++) {
      test.that(result.nodes[2 * token + 1] == expected.next, "wrong child");
      test.that(close(result.activations[2 * token], expected.activation, std::fabs(expected.activation) * 1e-6),
                "activation " + std::to_string(result.activations[2 * token]));
    }
  }
}

// Sums that overflow or vanish in float32: paths stay consistent with the recorded logits, exact-low agrees with fp32.
void extreme(const char* implementation, float token_scale, float weight_scale) {
  check::Case test(std::string("extreme ") + implementation + " " + std::to_string(token_scale) + " x " +
                   std::to_string(weight_scale));
  const Shape shape = {37, 6, 2, 90};
  Weights weights(shape, 5);
  std::vector<float> input = random_tokens(shape, 6);
  for (float& value : input) {
    value *= token_scale;
  }
  for (float& value : weights.input) {
    value *= weight_scale;
  }
  for (float& value : weights.bias) {
    value *= token_scale * weight_scale;
  }
  const LayerUnderTest full(implementation, shape, weights, FFF_FP32);
  const LayerUnderTest low(implementation, shape, weights, FFF_EXACT_LOW);
  if (!test.that(full.status() == FFF_OK && low.status() == FFF_OK, "create")) {
    return;
  }
  const Result result = full.run(test, input, shape.tokens);
  for (size_t i = 0; i + 1 < result.nodes.size(); i++) {
    if ((i + 1) % shape.levels() != 0) {
      test.that(result.nodes[i + 1] == 2 * result.nodes[i] + 1 + (result.logits[i] > 0 ? 1 : 0), "inconsistent path");
    }
  }
  test.that(low.run(test, input, shape.tokens).nodes == result.nodes, "exact-low takes another path than fp32");
}

// Weights that fp16 rounds to zero meet an infinite token: 0 * inf is NaN where float32 has an infinity of either sign.
void vanishing(const char* implementation) {
  check::Case test(std::string("vanishing weights and infinity ") + implementation);
  const Shape shape = {20, 6, 1, 70};
  Weights weights(shape, 7);
  std::vector<float> input = random_tokens(shape, 8);
  check::Random random(9);
  for (float& value : weights.input) {
    value *= random.below(4) == 0 ? 1e-9f : 1.0f;
  }
  for (size_t token = 0; token < shape.tokens; token += 2) {
    input[token * shape.width + random.below(shape.width)] = random.below(2) == 0 ? kInfinity : -kInfinity;
  }
  const LayerUnderTest full(implementation, shape, weights, FFF_FP32);
  const LayerUnderTest low(implementation, shape, weights, FFF_EXACT_LOW);
  if (test.that(full.status() == FFF_OK && low.status() == FFF_OK, "create")) {
    test.that(full.run(test, input, shape.tokens).nodes == low.run(test, input, shape.tokens).nodes,
              "exact-low takes another path than fp32");
  }
}

}  // namespace

void test_non_finite() {
  for (const char* implementation : supported_implementations()) {
    for (const fff_precision precision : kPrecisions) {
      sprinkled(implementation, precision, {19, 5, 2, 60}, 21);
      sprinkled(implementation, precision, {64, 7, 1, 200}, 22);
      sprinkled(implementation, precision, {1, 9, 3, 300}, 23);
      sprinkled(implementation, precision, {100, 3, 1, 1}, 24);
      sprinkled(implementation, precision, {33, 4, 2, 60}, 25);  // an odd number of levels
      decisions(implementation, precision);
    }
    vanishing(implementation);
    extreme(implementation, 1e38f, 1e3f);
    extreme(implementation, 1e30f, 1.0f);
    extreme(implementation, 1e-25f, 1e-3f);
    extreme(implementation, 1e-42f, 1.0f);
    extreme(implementation, 1.0f, 1e-7f);
    extreme(implementation, 1e-20f, 1e-20f);
  }
}

// The float64 reference and the error bounds, written from the definition and not from the kernels.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "fff.h"

namespace reference {

constexpr double kUnit = 0x1p-24;  // unit roundoff of float32

// value rounded to nearest even with `mantissa` explicit bits and exponents from `lowest` on.
inline double round_to(double value, int mantissa, int lowest, double largest) {
  if (!std::isfinite(value) || value == 0.0) {
    return value;
  }
  int exponent;
  std::frexp(value, &exponent);
  const int quantum = std::max(exponent - 1, lowest) - mantissa;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -quantum)), quantum);
  return std::fabs(rounded) > largest ? std::copysign(std::numeric_limits<double>::infinity(), value) : rounded;
}

inline double to_fp16(double value) { return round_to(value, 10, -14, 65504.0); }
inline double to_bf16(double value) { return round_to(value, 7, -126, 0x1.fep127); }

// What a layer of an implementation makes of numbers before it multiplies them.
class Arithmetic {
 public:
  Arithmetic(const char* implementation, fff_precision precision) : precision_(precision) {
    for (size_t i = 0; i < fff_implementation_count(); i++) {
      const fff_implementation_info info = fff_implementation_at(i);
      in_bf16_ = in_bf16_ || (std::string(info.name) == implementation && info.multiplies_bf16 != 0);
    }
  }

  fff_precision precision() const { return precision_; }
  double input_weight(double value) const {
    switch (precision_) {
      case FFF_FP32: return value;
      case FFF_BF16: return in_bf16_ ? multiplied(value) : to_bf16(value);
      case FFF_FP16:
      case FFF_EXACT_LOW: return to_fp16(value);
    }
    return value;
  }
  bool logit_in_bf16() const { return in_bf16_ && precision_ == FFF_BF16; }
  bool output_in_bf16() const { return in_bf16_ && (precision_ == FFF_BF16 || precision_ == FFF_EXACT_LOW); }
  double token(double value) const { return logit_in_bf16() ? multiplied(value) : value; }
  double output_weight(double value) const { return output_in_bf16() ? multiplied(value) : input_weight(value); }
  double activation(double value) const { return output_in_bf16() ? multiplied(value) : value; }
  // What a sum of `terms` products with factors up to 1 may lose to underflow.
  static double lost(size_t terms, bool in_bf16) { return in_bf16 ? static_cast<double>(terms + 64) * 0x1p-125 : 1e-40; }

 private:
  // The instructions that multiply bf16 take subnormal numbers for zero.
  static double multiplied(double value) {
    const double rounded = to_bf16(value);
    return std::fabs(rounded) < 0x1p-126 ? 0.0 : rounded;
  }

  fff_precision precision_;
  bool in_bf16_ = false;
};

struct Shape {
  size_t width, depth, trees, tokens;
  size_t nodes() const { return (size_t{2} << depth) - 1; }
  size_t rows() const { return trees * nodes(); }
  size_t levels() const { return depth + 1; }
  size_t paths() const { return tokens * trees * levels(); }
  std::string text() const {
    return "width " + std::to_string(width) + " depth " + std::to_string(depth) + " trees " + std::to_string(trees) +
           " tokens " + std::to_string(tokens);
  }
};

struct Weights {
  std::vector<float> input, bias, output;

  Weights(const Shape& shape, uint64_t seed) {
    check::Random random(seed);
    const double scale = 1.0 / std::sqrt(static_cast<double>(shape.width));
    const auto fill = [&](std::vector<float>& values, size_t count) {
      values.resize(count);
      for (float& value : values) {
        value = static_cast<float>(random.uniform() * scale);
      }
    };
    fill(input, shape.rows() * shape.width);
    fill(bias, shape.rows());
    fill(output, shape.rows() * shape.width);
  }

  fff_weights view(const Shape& shape) const {
    return {shape.width, shape.depth, shape.trees, input.data(), bias.data(), output.data()};
  }
};

struct Result {
  std::vector<float> output, logits, activations;
  std::vector<int32_t> nodes;
};

// Equal bits, or both NaN.
inline bool same(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); i++) {
    if (!(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))) {
      return false;
    }
  }
  return true;
}

inline bool close(double actual, double expected, double bound) {
  if (std::isnan(expected)) {
    return std::isnan(actual);
  }
  if (std::isinf(expected)) {
    return actual == expected;
  }
  return std::fabs(actual - expected) <= bound;
}

inline double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

// A dot product is any order of width + 1 terms: gamma_n with n = width + 2 bounds every implementation's.
inline double gamma(size_t terms) {
  const double n = static_cast<double>(terms) * kUnit;
  return n / (1 - n);
}

// Checks a recorded forward pass against the definition, following the recorded path (README, "Error bound").
inline void verify(check::Case& test, const Shape& shape, const Weights& weights, const Arithmetic& arithmetic,
                   const float* input, const Result& result) {
  const bool exact_low = arithmetic.precision() == FFF_EXACT_LOW;
  const size_t rows = shape.rows(), levels = shape.levels(), width = shape.width;
  std::vector<double> sum(width), magnitude(width);
  for (size_t token = 0; token < shape.tokens; token++) {
    const float* x = input + token * width;
    std::fill(sum.begin(), sum.end(), 0.0);
    std::fill(magnitude.begin(), magnitude.end(), 0.0);
    for (size_t tree = 0; tree < shape.trees; tree++) {
      int64_t node = 0;
      for (size_t level = 0; level < levels; level++) {
        const size_t at = (token * shape.trees + tree) * levels + level;
        const auto wrong = [&](const std::string& what) {  // texts are built only when needed: they cost most
          test.that(false, "token " + std::to_string(token) + " tree " + std::to_string(tree) + " level " +
                               std::to_string(level) + ": " + what);
        };
        if (result.nodes[at] != node) {
          wrong("node " + std::to_string(result.nodes[at]) + ", not " + std::to_string(node));
          return;
        }
        const size_t row = tree * shape.nodes() + static_cast<size_t>(node);
        double low = weights.bias[row], full = weights.bias[row], size = std::fabs(weights.bias[row]);
        double full_size = size;
        for (size_t i = 0; i < width; i++) {
          const double w = weights.input[row * width + i], product = arithmetic.input_weight(w) * arithmetic.token(x[i]);
          low += product;
          full += w * x[i];
          size += std::fabs(product);
          full_size += std::fabs(w * x[i]);
        }
        const double bound = gamma(width + 2) * size + Arithmetic::lost(width, arithmetic.logit_in_bf16()), full_bound = gamma(width + 2) * full_size + 1e-40;
        const double logit = result.logits[at];
        const bool rechecked = exact_low && close(logit, full, full_bound);
        if (!rechecked && !close(logit, low, bound)) {
          wrong("logit " + std::to_string(logit) + ", not " + std::to_string(low));
        }
        const double deciding = exact_low ? full : low;
        if (std::fabs(deciding) > (exact_low ? full_bound : bound) && (logit > 0) != (deciding > 0)) {
          wrong("on the wrong side of " + std::to_string(deciding));
        }
        const double activation = result.activations[at];
        if (!close(activation, gelu(logit), 16 * kUnit * std::fabs(logit) + 1e-40)) {
          wrong("activation " + std::to_string(activation) + " of " + std::to_string(logit));
        }
        for (size_t i = 0; i < width; i++) {
          const double term = arithmetic.activation(activation) * arithmetic.output_weight(weights.output[i * rows + row]);
          sum[i] += term;
          magnitude[i] += std::fabs(term);
        }
        node = 2 * node + 1 + (logit > 0 ? 1 : 0);
      }
    }
    for (size_t i = 0; i < width; i++) {
      const double actual = result.output[token * width + i];
      if (!close(actual, sum[i], gamma(levels * shape.trees + 1) * magnitude[i] + Arithmetic::lost(levels * shape.trees, arithmetic.output_in_bf16()))) {
        test.that(false, "token " + std::to_string(token) + " output " + std::to_string(i) + ": " +
                             std::to_string(actual) + ", not " + std::to_string(sum[i]));
      }
    }
  }
}

}  // namespace reference

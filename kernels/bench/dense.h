// Dense feedforward baselines: y = out * gelu(in * x + bias), the same weights a layer of the benchmark has.
#pragma once

#include <cstddef>
#include <memory>

#include "fff.h"
#include "implementation.h"

namespace bench {

class Dense {
 public:
  virtual ~Dense() = default;
  virtual const char* name() const = 0;
  virtual void forward(const float* input, size_t tokens, float* output) = 0;
};

// `width` H, `neurons` N; input_weights [N, H], output_weights [H, N]. Each keeps what it needs of them.
struct DenseWeights {
  size_t width, neurons;
  const float* input_weights;
  const float* input_bias;
  const float* output_weights;
};

std::unique_ptr<Dense> own_dense(const DenseWeights& weights, const fff::Implementation& implementation);
std::unique_ptr<Dense> openblas_dense(const DenseWeights& weights, const fff::Implementation& implementation);
std::unique_ptr<Dense> onednn_dense(const DenseWeights& weights);

}  // namespace bench

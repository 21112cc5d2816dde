// OpenBLAS: two matrix products, our GELU in between.
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#else
#include <openblas/cblas.h>
#endif

#include <cstring>
#include <vector>

#include "dense.h"

namespace bench {
namespace {

class OpenBlas : public Dense {
 public:
  OpenBlas(const DenseWeights& weights, const fff::Implementation& implementation)
      : width_(static_cast<int>(weights.width)),
        neurons_(static_cast<int>(weights.neurons)),
        implementation_(implementation),
        in_(weights.input_weights, weights.input_weights + weights.width * weights.neurons),
        out_(weights.output_weights, weights.output_weights + weights.width * weights.neurons),
        bias_(weights.input_bias, weights.input_bias + weights.neurons) {
    openblas_set_num_threads(1);
  }
  const char* name() const override { return "OpenBLAS"; }
  void forward(const float* input, size_t tokens, float* output) override {
    const size_t neurons = bias_.size();
    hidden_.resize(tokens * neurons);
    for (size_t token = 0; token < tokens; token++) {
      std::memcpy(hidden_.data() + token * neurons, bias_.data(), neurons * sizeof(float));
    }
    if (tokens == 1) {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, neurons_, width_, 1.0f, in_.data(), width_, input, 1, 1.0f,
                  hidden_.data(), 1);
      implementation_.gelu(hidden_.data(), hidden_.data(), hidden_.size());
      cblas_sgemv(CblasRowMajor, CblasNoTrans, width_, neurons_, 1.0f, out_.data(), neurons_, hidden_.data(), 1, 0.0f,
                  output, 1);
      return;
    }
    const int rows = static_cast<int>(tokens);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, neurons_, width_, 1.0f, input, width_, in_.data(),
                width_, 1.0f, hidden_.data(), neurons_);
    implementation_.gelu(hidden_.data(), hidden_.data(), hidden_.size());
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, width_, neurons_, 1.0f, hidden_.data(), neurons_,
                out_.data(), neurons_, 0.0f, output, width_);
  }

 private:
  int width_, neurons_;
  const fff::Implementation& implementation_;
  std::vector<float> in_, out_, bias_, hidden_;
};

}  // namespace

std::unique_ptr<Dense> openblas_dense(const DenseWeights& weights, const fff::Implementation& implementation) {
  return std::make_unique<OpenBlas>(weights, implementation);
}

}  // namespace bench

// A plain pass over packed rows with our own row kernels: at batch 1 nothing can beat reading each weight once.
#include <vector>

#include "dense.h"
#include "layer.h"

namespace bench {
namespace {

class Own : public Dense {
 public:
  Own(const DenseWeights& weights, const fff::Implementation& implementation)
      : width_(weights.width),
        padded_((weights.width + fff::kPad - 1) / fff::kPad * fff::kPad),
        stride_(fff::padded_stride(padded_, sizeof(float))),
        implementation_(implementation),
        bias_(weights.input_bias, weights.input_bias + weights.neurons),
        hidden_(weights.neurons) {
    in_.allocate(weights.neurons * stride_);
    out_.allocate(weights.neurons * stride_);
    copy_.allocate(stride_);
    for (size_t n = 0; n < weights.neurons; n++) {
      float* in = reinterpret_cast<float*>(in_.as<char>() + n * stride_);
      float* out = reinterpret_cast<float*>(out_.as<char>() + n * stride_);
      for (size_t i = 0; i < width_; i++) {
        in[i] = weights.input_weights[n * width_ + i];
        out[i] = weights.output_weights[i * weights.neurons + n];
      }
      in_rows_.push_back(in);
      out_rows_.push_back(out);
    }
    copies_.assign(weights.neurons, copy_.as<float>());
  }
  const char* name() const override { return "own rows"; }
  void forward(const float* input, size_t tokens, float* output) override {
    const fff::RowKernels& kernels = implementation_.rows[fff::kFloat32];
    for (size_t token = 0; token < tokens; token++) {
      for (size_t i = 0; i < width_; i++) {
        copy_.as<float>()[i] = input[token * width_ + i];
      }
      kernels.dot_pairs(in_rows_.data(), copies_.data(), hidden_.size(), padded_, hidden_.data(), ahead_);
      for (size_t n = 0; n < hidden_.size(); n++) {
        hidden_[n] += bias_[n];
      }
      implementation_.gelu(hidden_.data(), hidden_.data(), hidden_.size());
      kernels.accumulate(out_rows_.data(), hidden_.data(), hidden_.size(), width_, output + token * width_, false,
                         ahead_);
    }
  }

 private:
  size_t width_, padded_, stride_;
  const fff::Implementation& implementation_;
  fff::Block in_, out_, copy_;
  fff::Ahead ahead_;
  std::vector<const void*> in_rows_, out_rows_, copies_;
  std::vector<float> bias_, hidden_;
};

}  // namespace

std::unique_ptr<Dense> own_dense(const DenseWeights& weights, const fff::Implementation& implementation) {
  return std::make_unique<Own>(weights, implementation);
}

}  // namespace bench

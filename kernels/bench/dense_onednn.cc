// oneDNN: inner product with fused exact GELU, then inner product; weights reordered once into the layout it prefers.
#include <dnnl.hpp>

#include <cstdlib>
#include <map>
#include <vector>

#include "dense.h"

namespace bench {
namespace {

using dnnl::memory;

class OneDnn : public Dense {
 public:
  explicit OneDnn(const DenseWeights& weights)
      : width_(static_cast<memory::dim>(weights.width)),
        neurons_(static_cast<memory::dim>(weights.neurons)),
        in_(weights.input_weights, weights.input_weights + weights.width * weights.neurons),
        out_(weights.output_weights, weights.output_weights + weights.width * weights.neurons),
        bias_(weights.input_bias, weights.input_bias + weights.neurons) {}
  const char* name() const override { return "oneDNN"; }

  void forward(const float* input, size_t tokens, float* output) override {
    Plan& plan = plan_for(static_cast<memory::dim>(tokens));
    plan.source.set_data_handle(const_cast<float*>(input));
    plan.result.set_data_handle(output);
    plan.first.execute(stream_, {{DNNL_ARG_SRC, plan.source},
                                 {DNNL_ARG_WEIGHTS, plan.in},
                                 {DNNL_ARG_BIAS, plan.bias},
                                 {DNNL_ARG_DST, plan.hidden}});
    plan.second.execute(stream_, {{DNNL_ARG_SRC, plan.hidden}, {DNNL_ARG_WEIGHTS, plan.out}, {DNNL_ARG_DST, plan.result}});
    stream_.wait();
  }

 private:
  struct Plan {
    dnnl::inner_product_forward first, second;
    memory source, in, bias, hidden, out, result;
  };

  memory reordered(const memory::desc& wanted, std::vector<float>& values, memory::dim rows, memory::dim columns) {
    memory plain({{rows, columns}, memory::data_type::f32, memory::format_tag::ab}, engine_, values.data());
    memory packed(wanted, engine_);
    dnnl::reorder(plain, packed).execute(stream_, plain, packed);
    stream_.wait();
    return packed;
  }

  Plan& plan_for(memory::dim tokens) {
    const auto known = plans_.find(tokens);
    if (known != plans_.end()) {
      return known->second;
    }
    const auto any = [](memory::dim a, memory::dim b) {
      return memory::desc({a, b}, memory::data_type::f32, memory::format_tag::any);
    };
    const auto plain = [](memory::dim a, memory::dim b) {
      return memory::desc({a, b}, memory::data_type::f32, memory::format_tag::ab);
    };
    dnnl::primitive_attr attributes;
    dnnl::post_ops after;
    const memory::desc bias({neurons_}, memory::data_type::f32, memory::format_tag::a);
#if DNNL_VERSION_MAJOR >= 3
    after.append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
    attributes.set_post_ops(after);
    const dnnl::inner_product_forward::primitive_desc first(engine_, dnnl::prop_kind::forward_inference,
                                                            plain(tokens, width_), any(neurons_, width_), bias,
                                                            plain(tokens, neurons_), attributes);
    const dnnl::inner_product_forward::primitive_desc second(engine_, dnnl::prop_kind::forward_inference,
                                                             plain(tokens, neurons_), any(width_, neurons_),
                                                             plain(tokens, width_));
#else
    after.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
    attributes.set_post_ops(after);
    const dnnl::inner_product_forward::primitive_desc first(
        {dnnl::prop_kind::forward_inference, plain(tokens, width_), any(neurons_, width_), bias,
         plain(tokens, neurons_)},
        attributes, engine_);
    const dnnl::inner_product_forward::primitive_desc second(
        {dnnl::prop_kind::forward_inference, plain(tokens, neurons_), any(width_, neurons_), plain(tokens, width_)},
        engine_);
#endif
    Plan plan;
    plan.first = dnnl::inner_product_forward(first);
    plan.second = dnnl::inner_product_forward(second);
    plan.source = memory(first.src_desc(), engine_, nullptr);
    plan.in = reordered(first.weights_desc(), in_, neurons_, width_);
    plan.bias = memory(bias, engine_, bias_.data());
    plan.hidden = memory(first.dst_desc(), engine_);
    plan.out = reordered(second.weights_desc(), out_, width_, neurons_);
    plan.result = memory(second.dst_desc(), engine_, nullptr);
    return plans_.emplace(tokens, plan).first->second;
  }

  memory::dim width_, neurons_;
  std::vector<float> in_, out_, bias_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<memory::dim, Plan> plans_;
};

}  // namespace

std::unique_ptr<Dense> onednn_dense(const DenseWeights& weights) { return std::make_unique<OneDnn>(weights); }

}  // namespace bench

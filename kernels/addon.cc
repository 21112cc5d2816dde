// Node-API surface: converts and validates, computes nothing.
//
// Every array is checked for type and length before the library sees a pointer, so that no argument a script can pass
// reaches memory it does not own. Failures are JavaScript errors with a `code` the loader translates:
//   BAD_ARGUMENT, SIZE_OVERFLOW, OUT_OF_MEMORY, UNKNOWN_IMPLEMENTATION, UNSUPPORTED_CPU, NOT_REPRESENTABLE, DISPOSED.
// Output arrays are the caller's: allocating them here could end the process when memory runs out.
#include <napi.h>

#include <string>

#include "addon_values.h"
#include "fff.h"

namespace {

using addon::fail;
using addon::multiply;
using addon::read_array;
using addon::read_optional_array;
using addon::read_precision;
using addon::read_size;

class LayerHandle : public Napi::ObjectWrap<LayerHandle> {
 public:
  static Napi::Function define(Napi::Env env) {
    const napi_property_descriptor forward_method = {"forward", nullptr, &LayerHandle::forward, nullptr, nullptr,
                                                     nullptr,   napi_default, nullptr};
    return DefineClass(env, "Layer",
                       {Napi::ClassPropertyDescriptor<LayerHandle>(forward_method),
                        InstanceMethod<&LayerHandle::dispose>("dispose"),
                        InstanceAccessor<&LayerHandle::implementation>("implementation"),
                        InstanceAccessor<&LayerHandle::bytes>("bytes")});
  }

  // new Layer({width, depth, trees, inputWeights, inputBias, outputWeights}, {precision?, threads?, implementation?}?)
  explicit LayerHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LayerHandle>(info) {
    Napi::Env env = info.Env();
    if (!info[0].IsObject()) {
      fail(env, "BAD_ARGUMENT", "weights must be an object");
      return;
    }
    const Napi::Object from = info[0].As<Napi::Object>();
    fff_weights weights = {};
    fff_options options = {FFF_FP32, 1};
    std::string implementation;
    if (!read_options(info[1], &options, &implementation) || !read_weights(from, &weights)) {
      return;
    }
    const char* wanted = implementation.empty() ? nullptr : implementation.c_str();
    const fff_status status = fff_layer_create(wanted, &weights, &options, &layer_);
    if (status != FFF_OK) {
      fail(env, status, "the layer cannot be packed");
      return;
    }
    width_ = weights.width;
    path_ = weights.trees * (weights.depth + 1);
    account(env, static_cast<int64_t>(fff_layer_bytes(layer_)));
  }

  void Finalize(Napi::Env env) override { release(env); }

 private:
  static bool read_weights(const Napi::Object& from, fff_weights* weights) {
    Napi::Env env = from.Env();
    // Every getter runs before the first pointer is taken: one of them could detach an array already looked at.
    Napi::Value width, depth, trees, input_value, bias_value, output_value;
    if (!read_member(from, "width", &width) || !read_member(from, "depth", &depth) ||
        !read_member(from, "trees", &trees) || !read_member(from, "inputWeights", &input_value) ||
        !read_member(from, "inputBias", &bias_value) || !read_member(from, "outputWeights", &output_value)) {
      return false;
    }
    if (!read_size(width, "width", &weights->width) || !read_size(depth, "depth", &weights->depth) ||
        !read_size(trees, "trees", &weights->trees)) {
      return false;
    }
    if (weights->width == 0 || weights->trees == 0) {
      fail(env, "BAD_ARGUMENT", "width and trees must be at least 1");
      return false;
    }
    size_t rows, values;
    if (weights->depth > FFF_MAX_DEPTH) {
      fail(env, "SIZE_OVERFLOW", "depth must be at most " + std::to_string(FFF_MAX_DEPTH));
      return false;
    }
    if (!multiply(weights->trees, (size_t{2} << weights->depth) - 1, &rows) ||
        !multiply(rows, weights->width, &values) || values > PTRDIFF_MAX / sizeof(float)) {
      fail(env, FFF_SIZE_OVERFLOW, "width, depth and trees");
      return false;
    }
    float *input, *bias, *output;
    if (!read_array(input_value, "inputWeights", napi_float32_array, values, &input) ||
        !read_array(bias_value, "inputBias", napi_float32_array, rows, &bias) ||
        !read_array(output_value, "outputWeights", napi_float32_array, values, &output)) {
      return false;
    }
    weights->input_weights = input;
    weights->input_bias = bias;
    weights->output_weights = output;
    return true;
  }

  // A getter may throw; then the exception is already pending.
  static bool read_member(const Napi::Object& from, const char* name, Napi::Value* value) {
    *value = from.Get(name);
    return !from.Env().IsExceptionPending();
  }

  // `implementation` stays empty where the library chooses.
  static bool read_options(const Napi::Value& value, fff_options* options, std::string* implementation) {
    if (value.IsUndefined()) {
      return true;
    }
    if (!value.IsObject()) {
      fail(value.Env(), "BAD_ARGUMENT", "options must be an object");
      return false;
    }
    const Napi::Object from = value.As<Napi::Object>();
    Napi::Value precision, threads, named;
    if (!read_member(from, "precision", &precision) || !read_member(from, "threads", &threads) ||
        !read_member(from, "implementation", &named) || !read_precision(precision, &options->precision)) {
      return false;
    }
    if (named.IsString()) {
      *implementation = named.As<Napi::String>();
    }
    if (!named.IsUndefined() && implementation->empty()) {
      fail(value.Env(), "BAD_ARGUMENT", "implementation must be a name");
      return false;
    }
    return threads.IsUndefined() || read_size(threads, "threads", &options->threads);
  }

  // forward(input, tokens, output, nodes?, logits?, activations?)
  //
  // In plain Node-API: for one token and a narrow layer the wrappers' repeated look-ups cost as much as the layer. The
  // engine itself refuses a `this` that is no Layer.
  static napi_value forward(napi_env raw, napi_callback_info info) {
    napi_value arguments[6] = {};
    size_t count = 6;
    napi_value self;
    void* unwrapped = nullptr;
    Napi::Env env(raw);
    if (napi_get_cb_info(raw, info, &count, arguments, &self, nullptr) != napi_ok ||
        napi_unwrap(raw, self, &unwrapped) != napi_ok) {
      Napi::TypeError::New(env, "forward must be called on a Layer").ThrowAsJavaScriptException();
      return nullptr;
    }
    const LayerHandle& handle = *static_cast<const LayerHandle*>(unwrapped);
    if (handle.layer_ == nullptr) {
      fail(env, "DISPOSED", "the layer was disposed");
      return nullptr;
    }
    size_t tokens, values, path_values;
    if (!read_size({env, arguments[1]}, "tokens", &tokens)) {
      return nullptr;
    }
    if (!multiply(tokens, handle.width_, &values) || !multiply(tokens, handle.path_, &path_values)) {
      fail(env, FFF_SIZE_OVERFLOW, "tokens");
      return nullptr;
    }
    float *input, *output;
    fff_recording recording = {nullptr, nullptr, nullptr};
    if (!read_array({env, arguments[0]}, "input", napi_float32_array, values, &input) ||
        !read_array({env, arguments[2]}, "output", napi_float32_array, values, &output)) {
      return nullptr;
    }
    if (count > 3 &&
        (!read_optional_array({env, arguments[3]}, "nodes", napi_int32_array, path_values, &recording.nodes) ||
         !read_optional_array({env, arguments[4]}, "logits", napi_float32_array, path_values, &recording.logits) ||
         !read_optional_array({env, arguments[5]}, "activations", napi_float32_array, path_values,
                              &recording.activations))) {
      return nullptr;
    }
    const fff_status status = fff_layer_forward(handle.layer_, input, tokens, output, &recording);
    if (status != FFF_OK) {
      fail(env, status, "the forward pass cannot run");
    }
    return nullptr;
  }

  // undefined once disposed.
  Napi::Value implementation(const Napi::CallbackInfo& info) {
    const char* name = fff_layer_implementation(layer_);
    return name == nullptr ? info.Env().Undefined() : Napi::String::New(info.Env(), name);
  }

  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(fff_layer_bytes(layer_)));
  }

  Napi::Value dispose(const Napi::CallbackInfo& info) {
    release(info.Env());
    return info.Env().Undefined();
  }

  // The collector cannot see native memory; told of it, it frees forgotten layers in time.
  static void account(Napi::Env env, int64_t change) {
    int64_t total;
    (void)napi_adjust_external_memory(env, change, &total);
  }

  void release(Napi::Env env) {
    if (layer_ != nullptr) {
      account(env, -static_cast<int64_t>(fff_layer_bytes(layer_)));
      fff_layer_destroy(layer_);
      layer_ = nullptr;
    }
  }

  fff_layer* layer_ = nullptr;
  size_t width_ = 0;
  size_t path_ = 0;
};

Napi::Array implementations(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  for (size_t i = 0; i < fff_implementation_count(); i++) {
    const fff_implementation_info info = fff_implementation_at(i);
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", info.name);
    entry.Set("description", info.description);
    entry.Set("supported", Napi::Boolean::New(env, info.supported != 0));
    entry.Set("multipliesBf16", Napi::Boolean::New(env, info.multiplies_bf16 != 0));
    list.Set(static_cast<uint32_t>(i), entry);
  }
  return list;
}

// choose(): the implementation that fp32 layers will use, honouring FFF_FORCE_IMPLEMENTATION.
Napi::Value choose(const Napi::CallbackInfo& info) {
  const char* name = nullptr;
  const fff_status status = fff_choose(nullptr, FFF_FP32, &name);
  if (status != FFF_OK) {
    fail(info.Env(), status, (FFF_FORCE_VARIABLE "=" + std::string(name == nullptr ? "" : name)).c_str());
    return info.Env().Undefined();
  }
  return Napi::String::New(info.Env(), name);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("implementations", implementations(env));
  exports.Set("choose", Napi::Function::New<choose>(env, "choose"));
  exports.Set("Layer", LayerHandle::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(fff, initialise)

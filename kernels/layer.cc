// Packing: from checkpoint layout to padded rows, and the bound that makes a low-precision decision safe.
#include "layer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "fff.h"
#include "half.h"

namespace fff {
namespace {

bool aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % alignof(float) == 0; }

bool store(float value, float* to) {
  *to = value;
  return true;
}

bool store(float value, Bfloat16* to) {
  *to = to_bfloat16(value);
  return !std::isinf(widen(*to)) || std::isinf(value);
}

bool store(float value, Float16* to) {
  *to = to_float16(value);
  return !std::isinf(widen(*to)) || std::isinf(value);
}

// All sizes of the layer, or the status that refuses them.
fff_status measure(const fff_weights& weights, Layer* layer, size_t* rows) {
  if (weights.depth > FFF_MAX_DEPTH) {
    return FFF_SIZE_OVERFLOW;
  }
  layer->width = weights.width;
  layer->depth = weights.depth;
  layer->trees = weights.trees;
  layer->levels = weights.depth + 1;
  layer->nodes = (size_t{2} << weights.depth) - 1;
  size_t source;
  if (!multiply(layer->trees, layer->nodes, rows) || *rows > INT32_MAX || weights.width > INT32_MAX ||
      !multiply(*rows, weights.width, &source) || source > PTRDIFF_MAX / sizeof(float)) {
    return FFF_SIZE_OVERFLOW;
  }
  layer->padded = (weights.width + kPad - 1) / kPad * kPad;
  const size_t element = layer->storage == kFloat32 ? sizeof(float) : sizeof(Float16);
  layer->row_bytes = (layer->padded * element + kLine - 1) / kLine * kLine;
  layer->row_stride = padded_stride(layer->padded, element);
  layer->float_stride = padded_stride(layer->padded, sizeof(float));
  size_t packed;
  if (!multiply(*rows, layer->float_stride, &packed) || packed > PTRDIFF_MAX / 4) {
    return FFF_SIZE_OVERFLOW;
  }
  return FFF_OK;
}

// Rounds a non-negative double up to float.
float round_up(double value) {
  const float rounded = static_cast<float>(value);
  return static_cast<double>(rounded) < value ? std::nextafter(rounded, std::numeric_limits<float>::infinity())
                                              : rounded;
}

// The bound of one row (README, "exact-low"): rounding of the stored weights through Cauchy-Schwarz, plus the rounding
// of both float32 dot products, plus what underflow can lose.
Bound bound_row(const float* exact, const Float16* low, float bias, size_t width, size_t chain) {
  double delta = 0.0, exact_norm = 0.0, low_norm = 0.0;
  for (size_t i = 0; i < width; i++) {
    const double wide = exact[i], narrow = widen(low[i]);
    delta += (wide - narrow) * (wide - narrow);
    exact_norm += wide * wide;
    low_norm += narrow * narrow;
  }
  const double unit = 5.9604644775390625e-8;  // 2^-24
  const double n = static_cast<double>(chain);
  const double gamma = n * unit / (1.0 - n * unit);
  // 1.00001 covers the rounding of these sums themselves and of the float32 evaluation of the bound.
  return {round_up(1.00001 * (std::sqrt(delta) + gamma * (std::sqrt(exact_norm) + std::sqrt(low_norm)))),
          round_up(1.00001 * (2.0 * gamma * std::fabs(static_cast<double>(bias)) +
                              static_cast<double>(width + 16) * 2.0 * 1.5e-45))};
}

// Both return whether the storage type can hold all finite weights.
template <class W>
bool pack_input(const fff_weights& weights, size_t rows, Layer* layer) {
  const size_t width = layer->width;
  bool representable = true;
  for (size_t row = 0; row < rows; row++) {
    W* to = reinterpret_cast<W*>(layer->input_rows.as<char>() + row * layer->row_stride);
    const float* from = weights.input_weights + row * width;
    for (size_t i = 0; i < width; i++) {
      representable = store(from[i], to + i) && representable;
    }
  }
  return representable;
}

// Transposed in tiles that stay in L1, or every write would touch another line.
template <class W>
bool pack_output(const fff_weights& weights, size_t rows, Layer* layer) {
  constexpr size_t kTile = 32;
  const size_t width = layer->width;
  bool representable = true;
  for (size_t row0 = 0; row0 < rows; row0 += kTile) {
    const size_t row1 = std::min(rows, row0 + kTile);
    for (size_t i0 = 0; i0 < width; i0 += kTile) {
      const size_t i1 = std::min(width, i0 + kTile);
      for (size_t row = row0; row < row1; row++) {
        W* to = reinterpret_cast<W*>(layer->output_rows.as<char>() + row * layer->row_stride);
        for (size_t i = i0; i < i1; i++) {
          representable = store(weights.output_weights[i * rows + row], to + i) && representable;
        }
      }
    }
  }
  return representable;
}

bool pack(const fff_weights& weights, size_t rows, Layer* layer) {
  const bool input = layer->storage == kFloat32    ? pack_input<float>(weights, rows, layer)
                     : layer->storage == kBfloat16 ? pack_input<Bfloat16>(weights, rows, layer)
                                                   : pack_input<Float16>(weights, rows, layer);
  const bool output = layer->output_storage == kFloat32    ? pack_output<float>(weights, rows, layer)
                      : layer->output_storage == kBfloat16 ? pack_output<Bfloat16>(weights, rows, layer)
                                                           : pack_output<Float16>(weights, rows, layer);
  std::copy(weights.input_bias, weights.input_bias + rows, layer->bias.as<float>());
  return input && output;
}

void pack_exact(const fff_weights& weights, size_t rows, Layer* layer) {
  const size_t chain = layer->implementation->rounding_depth(layer->padded);
  layer->norm_factor = round_up(1.00001 * (1.0 + 2.0 * 5.9604644775390625e-8 * static_cast<double>(chain)));
  layer->norm_floor = round_up(3e-23 * std::sqrt(static_cast<double>(layer->padded)));  // squares that underflowed
  for (size_t row = 0; row < rows; row++) {
    const float* from = weights.input_weights + row * layer->width;
    std::copy(from, from + layer->width, reinterpret_cast<float*>(layer->exact_rows.as<char>() + row * layer->float_stride));
    layer->bounds.as<Bound>()[row] = bound_row(from, static_cast<const Float16*>(layer->input_row(row)),
                                               weights.input_bias[row], layer->width, chain);
  }
}

fff_status build(const fff_weights& weights, const fff_options& options, Layer* layer) {
  switch (options.precision) {
    case FFF_FP32: layer->storage = kFloat32; break;
    case FFF_BF16: layer->storage = kBfloat16; break;
    case FFF_FP16: layer->storage = kFloat16; break;
    case FFF_EXACT_LOW: layer->storage = kFloat16; break;
    default: return FFF_BAD_ARGUMENT;
  }
  layer->exact = options.precision == FFF_EXACT_LOW;
  layer->output_storage = layer->exact ? layer->implementation->exact_low_output : layer->storage;
  layer->threads = std::max<size_t>(1, std::min<size_t>(options.threads, 256));
  size_t rows;
  const fff_status sizes = measure(weights, layer, &rows);
  if (sizes != FFF_OK) {
    return sizes;
  }
  layer->plan = plan_for(*layer);
  if (!layer->input_rows.allocate(rows * layer->row_stride) || !layer->output_rows.allocate(rows * layer->row_stride) ||
      !layer->bias.allocate(rows * sizeof(float))) {
    return FFF_OUT_OF_MEMORY;
  }
  if (layer->exact &&
      (!layer->exact_rows.allocate(rows * layer->float_stride) || !layer->bounds.allocate(rows * sizeof(Bound)))) {
    return FFF_OUT_OF_MEMORY;
  }
  if (!pack(weights, rows, layer)) {
    return FFF_NOT_REPRESENTABLE;
  }
  if (layer->exact) {
    pack_exact(weights, rows, layer);
  }
  return FFF_OK;
}

}  // namespace
}  // namespace fff

extern "C" {

fff_status fff_layer_create(const char* implementation, const fff_weights* weights, const fff_options* options,
                            fff_layer** layer) {
  if (layer == nullptr) {
    return FFF_BAD_ARGUMENT;
  }
  *layer = nullptr;
  if (weights == nullptr || weights->width == 0 || weights->trees == 0 || weights->input_weights == nullptr ||
      weights->input_bias == nullptr || weights->output_weights == nullptr || !fff::aligned(weights->input_weights) ||
      !fff::aligned(weights->input_bias) || !fff::aligned(weights->output_weights)) {
    return FFF_BAD_ARGUMENT;
  }
  const fff_options defaults = {FFF_FP32, 1};
  const fff_options& wanted = options == nullptr ? defaults : *options;
  const char* name = nullptr;
  const fff_status chosen = fff_choose(implementation, wanted.precision, &name);
  if (chosen != FFF_OK) {
    return chosen;
  }
  fff_layer* made = new (std::nothrow) fff_layer;
  if (made == nullptr) {
    return FFF_OUT_OF_MEMORY;
  }
  made->implementation = fff::find_implementation(name);
  const fff_status built = fff::build(*weights, wanted, made);
  if (built != FFF_OK) {
    delete made;
    return built;
  }
  *layer = made;
  return FFF_OK;
}

void fff_layer_destroy(fff_layer* layer) { delete layer; }

const char* fff_layer_implementation(const fff_layer* layer) {
  return layer == nullptr ? nullptr : layer->implementation->name;
}

size_t fff_layer_bytes(const fff_layer* layer) { return layer == nullptr ? 0 : layer->bytes(); }

}  // extern "C"

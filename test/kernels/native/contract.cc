// The C surface: names, refusals, sizes, memory, and the 16-bit conversions.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cpu.h"
#include "half.h"
#include "layer.h"
#include "tests.h"
#include "layer_under_test.h"

namespace {

using namespace reference;

void force(const char* value) {
#if defined(_WIN32)
  _putenv_s(FFF_FORCE_VARIABLE, value);
#else
  setenv(FFF_FORCE_VARIABLE, value, 1);
#endif
}

void names() {
  check::Case test("implementation names");
  const char* chosen = nullptr;
  std::vector<const char*> supported;
  for (size_t i = 0; i < fff_implementation_count(); i++) {
    if (fff_implementation_at(i).supported) {
      supported.push_back(fff_implementation_at(i).name);
    }
  }
  force("");
  // One that multiplies in bf16 is no better where nothing is stored in bf16, and not on every CPU where it is.
  const char* best = nullptr;
  for (size_t i = fff_implementation_count(); i-- > 0;) {
    const fff_implementation_info info = fff_implementation_at(i);
    best = info.supported && !info.multiplies_bf16 ? info.name : best;
  }
  for (const int precision : {FFF_FP32, FFF_FP16}) {
    test.that(fff_choose(nullptr, precision, &chosen) == FFF_OK && std::strcmp(chosen, best) == 0, "best first");
  }
  const bool pairs = std::strcmp(best, supported.front()) != 0 && fff::cpu_multiplies_bf16_fast();
  for (const int precision : {FFF_BF16, FFF_EXACT_LOW}) {
    test.that(fff_choose(nullptr, precision, &chosen) == FFF_OK &&
                  std::strcmp(chosen, pairs ? "avx512bf16" : best) == 0,
              "best first where bf16 is stored");
  }
  test.that(std::strcmp(supported.back(), "scalar") == 0, "scalar is always there");
  for (const char* name : supported) {
    force(name);
    test.that(fff_choose(nullptr, FFF_EXACT_LOW, &chosen) == FFF_OK && std::strcmp(chosen, name) == 0, "forced by environment");
    test.that(fff_choose(supported.front(), FFF_FP32, &chosen) == FFF_OK && std::strcmp(chosen, supported.front()) == 0,
              "an argument outranks the environment");
  }
  force("nonsense");
  test.that(fff_choose(nullptr, FFF_EXACT_LOW, &chosen) == FFF_UNKNOWN_NAME && std::strcmp(chosen, "nonsense") == 0, "unknown");
  force("");
  test.that(fff_choose("", FFF_FP32, &chosen) == FFF_UNKNOWN_NAME, "empty is unknown");
  test.that(fff_choose("scalar", FFF_FP32, nullptr) == FFF_BAD_ARGUMENT, "null result");
  test.that(fff_implementation_at(1000).name == nullptr, "index out of range");
  for (size_t i = 0; i < fff_implementation_count(); i++) {
    const fff_implementation_info info = fff_implementation_at(i);
    test.that(info.supported || fff_choose(info.name, FFF_BF16, &chosen) == FFF_UNSUPPORTED_CPU, "unsupported is refused");
  }
}

fff_status create(fff_weights weights, fff_options options = {FFF_FP32, 1}, const char* implementation = "scalar") {
  fff_layer* layer = reinterpret_cast<fff_layer*>(&weights);
  const fff_status status = fff_layer_create(implementation, &weights, &options, &layer);
  if (status != FFF_OK && layer != nullptr) {
    return FFF_OK;  // a refused layer must be null
  }
  fff_layer_destroy(layer);
  return status;
}

void refused_layers() {
  check::Case test("refused layers");
  std::vector<float> some(64, 1.0f);
  const float* values = some.data();
  const float* odd = reinterpret_cast<const float*>(reinterpret_cast<const char*>(values) + 2);
  test.that(create({2, 1, 1, values, values, values}) == FFF_OK, "good");
  test.that(create({0, 1, 1, values, values, values}) == FFF_BAD_ARGUMENT, "width 0");
  test.that(create({2, 1, 0, values, values, values}) == FFF_BAD_ARGUMENT, "trees 0");
  test.that(create({2, 1, 1, nullptr, values, values}) == FFF_BAD_ARGUMENT, "null input weights");
  test.that(create({2, 1, 1, values, nullptr, values}) == FFF_BAD_ARGUMENT, "null bias");
  test.that(create({2, 1, 1, values, values, nullptr}) == FFF_BAD_ARGUMENT, "null output weights");
  test.that(create({2, 1, 1, odd, values, values}) == FFF_BAD_ARGUMENT, "misaligned");
  test.that(create({2, 25, 1, values, values, values}) == FFF_SIZE_OVERFLOW, "depth 25");
  test.that(create({2, SIZE_MAX, 1, values, values, values}) == FFF_SIZE_OVERFLOW, "depth huge");
  test.that(create({SIZE_MAX, 1, 1, values, values, values}) == FFF_SIZE_OVERFLOW, "width huge");
  test.that(create({SIZE_MAX / 8, 3, 1, values, values, values}) == FFF_SIZE_OVERFLOW, "width overflows");
  test.that(create({2, 1, SIZE_MAX, values, values, values}) == FFF_SIZE_OVERFLOW, "trees huge");
  test.that(create({2, 24, 65, values, values, values}) == FFF_SIZE_OVERFLOW, "rows beyond int32");
  test.that(create({size_t{1} << 24, 24, 1, values, values, values}) == FFF_OUT_OF_MEMORY, "more than any memory");
  test.that(create({2, 1, 1, values, values, values}, {9, 1}) == FFF_BAD_ARGUMENT,
            "unknown precision");
  test.that(create({2, 1, 1, values, values, values}, {FFF_FP32, 1}, "nonsense") == FFF_UNKNOWN_NAME, "unknown name");
  test.that(create({2, 1, 1, values, values, values}, {FFF_FP32, SIZE_MAX}) == FFF_OK, "any thread count");
  some[3] = 70000.0f;
  test.that(create({2, 1, 1, values, values, values}, {FFF_FP16, 1}) == FFF_NOT_REPRESENTABLE, "too large for fp16");
  test.that(create({2, 1, 1, values, values, values}, {FFF_EXACT_LOW, 1}) == FFF_NOT_REPRESENTABLE, "for exact-low");
  test.that(create({2, 1, 1, values, values, values}, {FFF_BF16, 1}) == FFF_OK, "bf16 holds it");
  some[3] = std::numeric_limits<float>::max();
  test.that(create({2, 1, 1, values, values, values}, {FFF_BF16, 1}) == FFF_NOT_REPRESENTABLE, "too large for bf16");
  fff_layer* layer = nullptr;
  test.that(fff_layer_create("scalar", nullptr, nullptr, &layer) == FFF_BAD_ARGUMENT, "null weights");
  test.that(fff_layer_create("scalar", nullptr, nullptr, nullptr) == FFF_BAD_ARGUMENT, "null result");
  fff_layer_destroy(nullptr);
  test.that(fff_layer_bytes(nullptr) == 0, "bytes of null");
}

void refused_calls() {
  check::Case test("refused calls");
  const Shape shape = {6, 2, 2, 4};
  const Weights weights(shape, 1);
  const LayerUnderTest layer("scalar", shape, weights, FFF_FP32);
  std::vector<float> memory(1000, 0.5f);
  float* at = memory.data();
  float* far = at + 500;
  float* odd = reinterpret_cast<float*>(reinterpret_cast<char*>(far) + 1);
  const auto run = [&](const float* input, size_t tokens, float* output, fff_recording recording = {}) {
    return fff_layer_forward(layer.get(), input, tokens, output, &recording);
  };
  test.that(run(at, 4, far) == FFF_OK, "good");
  test.that(run(nullptr, 0, nullptr) == FFF_OK, "nothing to do");
  test.that(run(nullptr, 4, far) == FFF_BAD_ARGUMENT, "null input");
  test.that(run(at, 4, nullptr) == FFF_BAD_ARGUMENT, "null output");
  test.that(run(at, 4, odd) == FFF_BAD_ARGUMENT, "misaligned output");
  test.that(run(odd, 4, at) == FFF_BAD_ARGUMENT, "misaligned input");
  test.that(run(at, 4, at) == FFF_BAD_ARGUMENT, "in place");
  test.that(run(at, 4, at + 23) == FFF_BAD_ARGUMENT, "overlap by one");
  test.that(run(at, 4, at + 24) == FFF_OK, "adjacent");
  test.that(run(at + 24, 4, at) == FFF_OK, "adjacent before");
  test.that(run(at, 4, far, {nullptr, at + 20, nullptr}) == FFF_BAD_ARGUMENT, "logits over input");
  test.that(run(at, 4, far, {nullptr, at + 100, at + 101}) == FFF_BAD_ARGUMENT, "logits over activations");
  test.that(run(at, 4, far, {nullptr, at + 100, at + 124}) == FFF_OK, "logits before activations");
  test.that(run(at, SIZE_MAX, far) == FFF_SIZE_OVERFLOW, "tokens huge");
  test.that(run(at, SIZE_MAX / 16, far) == FFF_SIZE_OVERFLOW, "tokens overflow");
  test.that(fff_layer_forward(nullptr, at, 1, far, nullptr) == FFF_BAD_ARGUMENT, "null layer");
}

void conversions() {
  check::Case test("16-bit conversions");
  for (uint32_t bits = 0; bits < 65536; bits++) {
    const fff::Float16 half = {static_cast<uint16_t>(bits)};
    const float wide = fff::widen(half);
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = bits & 1023;
    const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    const double expected = bits >> 15 ? -magnitude : magnitude;
    test.that(exponent == 31 ? (fraction == 0 ? std::isinf(wide) : std::isnan(wide)) : wide == expected, "widen fp16");
    const fff::Bfloat16 brain = {static_cast<uint16_t>(bits)};
    if (!std::isnan(wide)) {
      test.that(fff::to_float16(wide).bits == bits, "fp16 round trip");
    } else {
      test.that(std::isnan(fff::widen(fff::to_float16(wide))), "fp16 NaN");
    }
    const float brain_wide = fff::widen(brain);
    test.that(std::isnan(brain_wide) ? std::isnan(fff::widen(fff::to_bfloat16(brain_wide)))
                                     : fff::to_bfloat16(brain_wide).bits == bits,
              "bf16 round trip");
  }
  check::Random random(99);
  for (int i = 0; i < 200000; i++) {
    float value = fff::float_of(static_cast<uint32_t>(random.next()));
    if (i % 2 == 0) {
      value = static_cast<float>(std::ldexp(random.uniform(), static_cast<int>(random.below(50)) - 30));
    }
    if (std::isfinite(value)) {
      test.that(fff::widen(fff::to_float16(value)) == to_fp16(value), "fp16 rounds to nearest even");
      test.that(fff::widen(fff::to_bfloat16(value)) == to_bf16(value), "bf16 rounds to nearest even");
    }
  }
}

void strides() {
  check::Case test("row strides");
  for (size_t elements = 16; elements < 5000; elements += 16) {
    for (const size_t bytes : {size_t{2}, size_t{4}}) {
      const size_t stride = fff::padded_stride(elements, bytes);
      test.that(stride % 64 == 0 && stride >= elements * bytes && stride < elements * bytes + 128, "size");
      test.that(stride < 512 || stride / 64 % 2 == 1, "an even number of lines shares L1 sets");
    }
  }
}

}  // namespace

void test_contract() {
  names();
  refused_layers();
  refused_calls();
  conversions();
  strides();
}

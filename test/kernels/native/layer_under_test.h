// Owns a layer and runs it with buffers at chosen misalignments, guards around everything it may write.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "fff.h"
#include "reference.h"

namespace reference {

class LayerUnderTest {
 public:
  LayerUnderTest(const char* implementation, const Shape& shape, const Weights& weights, fff_precision precision,
                 size_t threads = 1)
      : shape_(shape) {
    const fff_weights view = weights.view(shape);
    const fff_options options = {precision, threads};
    status_ = fff_layer_create(implementation, &view, &options, &layer_);
  }
  ~LayerUnderTest() { fff_layer_destroy(layer_); }
  LayerUnderTest(const LayerUnderTest&) = delete;
  LayerUnderTest& operator=(const LayerUnderTest&) = delete;

  fff_status status() const { return status_; }
  const fff_layer* get() const { return layer_; }

  // Runs `tokens` tokens; `shift` floats of misalignment, and `guard` values on both sides that must survive.
  Result run(check::Case& test, const std::vector<float>& input, size_t tokens, size_t shift = 0,
             bool record = true) const {
    Shape shape = shape_;
    shape.tokens = tokens;
    Guarded<float> output(tokens * shape.width, shift), logits(shape.paths(), shift + 1),
        activations(shape.paths(), shift + 2);
    Guarded<int32_t> nodes(shape.paths(), shift + 3);
    std::vector<float> shifted(shift + tokens * shape.width);
    std::copy(input.begin(), input.begin() + static_cast<ptrdiff_t>(tokens * shape.width),
              shifted.begin() + static_cast<ptrdiff_t>(shift));
    const fff_recording recording = {nodes.data(), logits.data(), activations.data()};
    const fff_status ran = fff_layer_forward(layer_, shifted.data() + shift, tokens, output.data(),
                                             record ? &recording : nullptr);
    test.that(ran == FFF_OK, std::string("forward: ") + fff_status_text(ran));
    test.that(output.intact() && logits.intact() && activations.intact() && nodes.intact(), "wrote out of bounds");
    return {output.values(), logits.values(), activations.values(), nodes.values()};
  }

 private:
  template <class T>
  class Guarded {
   public:
    Guarded(size_t count, size_t shift) : count_(count), shift_(shift), all_(shift + count + kGuard, guard()) {}
    T* data() { return all_.data() + shift_; }
    bool intact() const {
      const auto is_guard = [](T value) { return std::memcmp(&value, "\xa5\xa5\xa5\xa5", sizeof value) == 0; };
      return std::all_of(all_.begin(), all_.begin() + static_cast<ptrdiff_t>(shift_), is_guard) &&
             std::all_of(all_.begin() + static_cast<ptrdiff_t>(shift_ + count_), all_.end(), is_guard);
    }
    std::vector<T> values() const {
      const auto begin = all_.begin() + static_cast<ptrdiff_t>(shift_);
      return {begin, begin + static_cast<ptrdiff_t>(count_)};
    }

   private:
    static constexpr size_t kGuard = 17;
    static T guard() {
      T value;
      std::memcpy(&value, "\xa5\xa5\xa5\xa5", sizeof value);
      return value;
    }
    size_t count_, shift_;
    std::vector<T> all_;
  };

  Shape shape_;
  fff_layer* layer_ = nullptr;
  fff_status status_ = FFF_OK;
};

inline std::vector<float> random_tokens(const Shape& shape, uint64_t seed) {
  check::Random random(seed);
  std::vector<float> input(shape.tokens * shape.width);
  for (float& value : input) {
    value = static_cast<float>(random.uniform() * 1.7320508);
  }
  return input;
}

// The one implementation to test; empty for all.
inline std::string& only_implementation() {
  static std::string name;
  return name;
}

inline std::vector<const char*> supported_implementations() {
  std::vector<const char*> names;
  for (size_t i = 0; i < fff_implementation_count(); i++) {
    const fff_implementation_info info = fff_implementation_at(i);
    if (info.supported && (only_implementation().empty() || only_implementation() == info.name)) {
      names.push_back(info.name);
    }
  }
  return names;
}

constexpr fff_precision kPrecisions[] = {FFF_FP32, FFF_BF16, FFF_FP16, FFF_EXACT_LOW};

inline const char* name_of(fff_precision precision) {
  static const char* const kNames[] = {"fp32", "bf16", "fp16", "exact-low"};
  return kNames[precision];
}

}  // namespace reference

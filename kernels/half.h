// Conversions between float32 and the two 16-bit storage formats, portable and rounding to nearest even.
#pragma once

#include <cstdint>
#include <cstring>

#include "implementation.h"

namespace fff {

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline float widen(float value) { return value; }

inline float widen(Bfloat16 value) { return float_of(static_cast<uint32_t>(value.bits) << 16); }

inline float widen(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00u) {  // infinity and NaN keep their payload
    return float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  }
  if (rest < 0x400u) {  // zero and subnormals: an exact product with 2^-24
    const float magnitude = static_cast<float>(rest) * 5.9604644775390625e-8f;
    return float_of(sign | bits_of(magnitude));
  }
  return float_of(sign | ((rest << 13) + 0x38000000u));
}

inline Bfloat16 to_bfloat16(float value) {
  const uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return {static_cast<uint16_t>(bits >> 16 | 0x40u)};  // a NaN must not round to infinity
  }
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

inline Float16 to_float16(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t rest = bits & 0x7fffffffu;
  uint32_t half;
  if (rest > 0x7f800000u) {
    half = 0x7e00u;
  } else if (rest >= 0x477ff000u) {  // 65520 and above round to infinity
    half = 0x7c00u;
  } else if (rest >= 0x38800000u) {  // normal: rebias, then round the 13 dropped bits to even
    half = (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13;
  } else {  // subnormal: adding 0.5 makes the FPU round at 2^-24, to even
    const float shifted = float_of(rest) + 0.5f;
    half = bits_of(shifted) - 0x3f000000u;
  }
  return {static_cast<uint16_t>(sign | half)};
}

}  // namespace fff

// What the addon makes of JavaScript's values, and of the library's refusals: errors with a `code` (addon.cc lists them).
//
// Every reader leaves a JavaScript exception pending where it returns false.
#pragma once

#include <napi.h>

#include <cmath>
#include <string>

#include "fff.h"

namespace addon {

inline const char* code_of(fff_status status) {
  switch (status) {
    case FFF_OK:
    case FFF_BAD_ARGUMENT: return "BAD_ARGUMENT";
    case FFF_SIZE_OVERFLOW: return "SIZE_OVERFLOW";
    case FFF_OUT_OF_MEMORY: return "OUT_OF_MEMORY";
    case FFF_UNKNOWN_NAME: return "UNKNOWN_IMPLEMENTATION";
    case FFF_UNSUPPORTED_CPU: return "UNSUPPORTED_CPU";
    case FFF_NOT_REPRESENTABLE: return "NOT_REPRESENTABLE";
  }
  return "BAD_ARGUMENT";
}

// Leaves a pending JavaScript exception.
inline void fail(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  error.ThrowAsJavaScriptException();
}

inline std::string known_names() {
  std::string names;
  for (size_t i = 0; i < fff_implementation_count(); i++) {
    const fff_implementation_info info = fff_implementation_at(i);
    names += (i == 0 ? "" : ", ") + std::string(info.name) + (info.supported ? "" : " (not on this CPU)");
  }
  return names;
}

inline void fail(Napi::Env env, fff_status status, const char* what) {
  std::string message = std::string(what) + ": " + fff_status_text(status);
  if (status == FFF_UNKNOWN_NAME || status == FFF_UNSUPPORTED_CPU) {
    message += "; known are " + known_names();
  }
  fail(env, code_of(status), message);
}

// A non-negative integer, or false with a pending exception.
inline bool read_size(const Napi::Value& value, const char* name, size_t* size) {
  double number;
  if (napi_get_value_double(value.Env(), value, &number) != napi_ok) {
    number = -1.0;  // no number
  }
  if (!(number >= 0.0 && number <= 9007199254740991.0 && number == std::floor(number))) {
    fail(value.Env(), "BAD_ARGUMENT", std::string(name) + " must be a non-negative integer");
    return false;
  }
  *size = static_cast<size_t>(number);
  return true;
}

inline bool multiply(size_t a, size_t b, size_t* product) {
  if (b != 0 && a > SIZE_MAX / b) {
    return false;
  }
  *product = a * b;
  return true;
}

// A typed array of exactly `length` elements of 4 bytes, or false with a pending exception. A detached one has length 0.
template <class T>
bool read_array(const Napi::Value& value, const char* name, napi_typedarray_type type, size_t length, T** data) {
  napi_typedarray_type actual;
  size_t actual_length = 0;
  void* memory = nullptr;
  // Also what tells whether it is a typed array at all.
  if (napi_get_typedarray_info(value.Env(), value, &actual, &actual_length, &memory, nullptr, nullptr) != napi_ok ||
      actual != type) {
    const char* kind = type == napi_float32_array ? "a Float32Array" : "an Int32Array";
    fail(value.Env(), "BAD_ARGUMENT", std::string(name) + " must be " + kind);
    return false;
  }
  if (actual_length != length) {
    fail(value.Env(), "BAD_ARGUMENT",
         std::string(name) + " must have " + std::to_string(length) + " elements, not " +
             std::to_string(actual_length));
    return false;
  }
  *data = static_cast<T*>(memory);
  return true;
}

template <class T>
bool read_optional_array(const Napi::Value& value, const char* name, napi_typedarray_type type, size_t length,
                         T** data) {
  *data = nullptr;
  return value.IsNull() || value.IsUndefined() || read_array(value, name, type, length, data);
}

inline bool read_precision(const Napi::Value& value, int* precision) {
  static const struct {
    const char* name;
    fff_precision precision;
  } kNames[] = {{"fp32", FFF_FP32}, {"bf16", FFF_BF16}, {"fp16", FFF_FP16}, {"exact-low", FFF_EXACT_LOW}};
  *precision = FFF_FP32;
  if (value.IsUndefined()) {
    return true;
  }
  if (value.IsString()) {
    const std::string name = value.As<Napi::String>();
    for (const auto& known : kNames) {
      if (name == known.name) {
        *precision = known.precision;
        return true;
      }
    }
  }
  fail(value.Env(), "BAD_ARGUMENT", "precision must be one of fp32, bf16, fp16, exact-low");
  return false;
}

}  // namespace addon

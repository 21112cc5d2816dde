// The one place that chooses among implementations.
#include <cstdlib>
#include <cstring>

#include "fff.h"
#include "implementation.h"

namespace fff {
namespace {

// Best first, where they are worthwhile.
const Implementation* const kImplementations[] = {
#if defined(FFF_X86)
#if defined(FFF_X86_BF16)
    &kAvx512Bf16,
#endif
    &kAvx512,
    &kAvx2,
#endif
#if defined(FFF_ARM64)
    &kNeon,
#endif
    &kScalar,
};
constexpr size_t kCount = sizeof kImplementations / sizeof *kImplementations;

const Implementation* by_name(const char* name) {
  for (const Implementation* candidate : kImplementations) {
    if (std::strcmp(candidate->name, name) == 0) {
      return candidate;
    }
  }
  return nullptr;
}

}  // namespace

const Implementation* find_implementation(const char* name) {
  const Implementation* found = by_name(name);
  return found != nullptr && found->supported() ? found : nullptr;
}

}  // namespace fff

extern "C" {

size_t fff_implementation_count(void) { return fff::kCount; }

fff_implementation_info fff_implementation_at(size_t index) {
  if (index >= fff::kCount) {
    return {nullptr, nullptr, 0, 0};
  }
  const fff::Implementation* at = fff::kImplementations[index];
  return {at->name, at->description, at->supported() ? 1 : 0, at->multiplies_bf16 ? 1 : 0};
}

fff_status fff_choose(const char* requested, int precision, const char** chosen) {
  if (chosen == nullptr) {
    return FFF_BAD_ARGUMENT;
  }
  const char* name = requested;
  if (name == nullptr) {
    const char* forced = std::getenv(FFF_FORCE_VARIABLE);
    name = forced != nullptr && *forced != '\0' ? forced : nullptr;
  }
  if (name == nullptr) {
    for (const fff::Implementation* candidate : fff::kImplementations) {
      if (candidate->supported() && candidate->worthwhile(precision)) {
        *chosen = candidate->name;
        return FFF_OK;
      }
    }
  }
  *chosen = name;
  const fff::Implementation* found = name == nullptr ? nullptr : fff::by_name(name);
  if (found == nullptr) {
    return FFF_UNKNOWN_NAME;
  }
  if (!found->supported()) {
    return FFF_UNSUPPORTED_CPU;
  }
  *chosen = found->name;
  return FFF_OK;
}

const char* fff_status_text(fff_status status) {
  switch (status) {
    case FFF_OK: return "no error";
    case FFF_BAD_ARGUMENT: return "an argument is null, misaligned, overlapping or zero where it must not be";
    case FFF_SIZE_OVERFLOW: return "the sizes are too large to address";
    case FFF_OUT_OF_MEMORY: return "there is not enough memory";
    case FFF_UNKNOWN_NAME: return "no kernel implementation has that name";
    case FFF_UNSUPPORTED_CPU: return "this CPU lacks the instructions that implementation needs";
    case FFF_NOT_REPRESENTABLE: return "a finite weight is too large for the storage precision";
  }
  return "unknown status";
}

}  // extern "C"

// Opens and closes an instruction-set region inside one file.
//
// Regions rather than per-file compiler flags: with a flag, every inline function of a standard header that the file
// happens to instantiate is compiled for the wide instruction set too, and the linker may keep that copy for the whole
// program. Inside a region only what is written there is wide; headers are included before it and stay at the baseline.
// MSVC accepts intrinsics anywhere and needs no region.
#pragma once

#define FFF_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define FFF_BEGIN_TARGET(features) \
  FFF_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FFF_END_TARGET FFF_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define FFF_BEGIN_TARGET(features) FFF_PRAGMA(GCC push_options) FFF_PRAGMA(GCC target(features))
#define FFF_END_TARGET FFF_PRAGMA(GCC pop_options)
#else
#define FFF_BEGIN_TARGET(features)
#define FFF_END_TARGET
#endif

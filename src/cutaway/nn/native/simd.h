// As many numbers at a time as a register of this machine has, in the vector extension that GCC and
// clang share. All data is held in words of 4 bytes: a float32, or two neighbours in bfloat16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cutaway {

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define CUTAWAY_AVX512 1
#endif

#if defined(CUTAWAY_AVX512)
constexpr int LINE = 64;  // bytes of a vector
constexpr int ROWS = 8, PANELS = 2;  // of a tile that is kept in registers: rows, and vectors in each
#elif defined(__AVX2__)
constexpr int LINE = 32;
constexpr int ROWS = 4, PANELS = 2;
#else
constexpr int LINE = 16;
constexpr int ROWS = 4, PANELS = 1;
#endif
constexpr int LANES = LINE / 4;

typedef float floats __attribute__((vector_size(LINE)));
typedef int32_t ints __attribute__((vector_size(LINE)));
typedef uint32_t words __attribute__((vector_size(LINE)));
typedef float loose_floats __attribute__((vector_size(LINE), aligned(4)));
typedef uint32_t loose_words __attribute__((vector_size(LINE), aligned(4)));
typedef uint16_t halves __attribute__((vector_size(LINE / 2), aligned(2)));

inline floats load(const float* from) { return *reinterpret_cast<const loose_floats*>(from); }
inline void store(float* to, floats value) { *reinterpret_cast<loose_floats*>(to) = value; }
inline words load(const uint32_t* from) { return *reinterpret_cast<const loose_words*>(from); }
inline void store(uint32_t* to, words value) { *reinterpret_cast<loose_words*>(to) = value; }
inline floats spread(float value) { return floats{} + value; }
inline words spread(uint32_t value) { return words{} + value; }
inline floats as_floats(words value) { return reinterpret_cast<floats>(value); }
inline words as_words(floats value) { return reinterpret_cast<words>(value); }
inline floats larger(floats a, floats b) { return a > b ? a : b; }
inline floats magnitude(floats value) { return as_floats(as_words(value) & 0x7fffffffu); }
inline ints lane_numbers() {
  ints result;
  for (int i = 0; i < LANES; ++i) result[i] = i;
  return result;
}

inline bool any_above(floats a, floats b) {
#if defined(CUTAWAY_AVX512)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GT_OQ) != 0;
#else
  const ints found = a > b;
  int32_t any = 0;
  for (int i = 0; i < LANES; ++i) any |= found[i];
  return any != 0;
#endif
}

inline float sum(floats value) {
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) value[i] += value[i + half];
  return value[0];
}

inline float widen(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
inline floats widen(halves value) { return as_floats(__builtin_convertvector(value, words) << 16); }
// To nearest, ties to even; a NaN stays one.
inline halves narrow(floats value) {
  const words bits = as_words(value);
  const words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return __builtin_convertvector(value == value ? rounded : spread(0x7fc0u), halves);
}

// 2 to the power of each lane; 0 at minus infinity. The polynomials are the best of their degree for
// the relative error on [0, 1): 4 has 3e-6, of which 16 bits show nothing, 5 has 1e-7.
template <int DEGREE>
inline floats power_of_two(floats x) {
#if defined(CUTAWAY_AVX512)
  const floats f = reinterpret_cast<floats>(_mm512_reduce_ps(reinterpret_cast<__m512>(x), 1));  // x - floor(x)
#else
  const floats bounded = x > -126.0f ? x : spread(-126.0f);
  ints n = __builtin_convertvector(bounded, ints);  // towards 0
  n += __builtin_convertvector(n, floats) > bounded;  // a comparison that holds is -1
  const floats f = bounded - __builtin_convertvector(n, floats);
#endif
  floats p;
  if constexpr (DEGREE == 4) {
    p = f * 1.35341679e-2f + 5.20114606e-2f;
    p = p * f + 2.41442757e-1f;
    p = p * f + 6.93003834e-1f;
    p = p * f + 1.00000259f;
  } else {
    p = f * 1.87757668e-3f + 8.98934009e-3f;
    p = p * f + 5.58263181e-2f;
    p = p * f + 2.40153617e-1f;
    p = p * f + 6.93153073e-1f;
    p = p * f + 9.99999925e-1f;
  }
#if defined(CUTAWAY_AVX512)
  return reinterpret_cast<floats>(_mm512_scalef_ps(reinterpret_cast<__m512>(p), reinterpret_cast<__m512>(x)));
#else
  const floats result = reinterpret_cast<floats>(reinterpret_cast<ints>(p) + (n << 23));
  return x > -126.0f ? result : (x == x ? floats{} : x);
#endif
}

// The same of whole numbers, exactly.
inline floats whole_power_of_two(floats x) {
  const floats bounded = x > -127.0f ? x : spread(-127.0f);  // 2^-127 has no exponent of its own: 0
  return reinterpret_cast<floats>((__builtin_convertvector(bounded, ints) + 127) << 23);
}

// The next whole number above; numbers so large that they have no fraction stay.
inline floats ceiling(floats x) {
  const floats bounded = magnitude(x) < 4194304.0f ? x : floats{};
  ints n = __builtin_convertvector(bounded, ints);  // towards 0
  n -= __builtin_convertvector(n, floats) < bounded;  // a comparison that holds is -1
  return magnitude(x) < 4194304.0f ? __builtin_convertvector(n, floats) : x;
}

// The elements of two vectors, chosen by PICK(i) for lane i of the result, where the second begins at LANES.
template <class Pick, size_t... I>
inline words shuffled(words a, words b, Pick, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, Pick::at(I)...);
}
template <int STEP, bool UPPER>
struct Swap {  // of a butterfly between two rows that are STEP apart
  static constexpr int at(int i) {
    const bool from_second = (i / STEP) % 2 == 1;
    const int own = i - (from_second ? STEP : 0);
    return (from_second ? LANES : 0) + own + (UPPER ? STEP : 0);
  }
};
template <int STEP>
inline void transpose_step(words (&rows)[LANES]) {
  constexpr auto all = std::make_index_sequence<LANES>{};
#pragma GCC unroll 16
  for (int i = 0; i < LANES; ++i) {
    if (i & STEP) continue;
    const words a = rows[i], b = rows[i + STEP];
    rows[i] = shuffled(a, b, Swap<STEP, false>{}, all);
    rows[i + STEP] = shuffled(a, b, Swap<STEP, true>{}, all);
  }
}
inline void transpose(words (&rows)[LANES]) {
  if constexpr (LANES > 8) transpose_step<LANES == 16 ? 8 : 1>(rows);
  if constexpr (LANES > 4) transpose_step<LANES >= 8 ? 4 : 1>(rows);
  transpose_step<2>(rows);
  transpose_step<1>(rows);
}

}  // namespace cutaway

// Sixteen numbers at a time, in GCC's vector extension: one source for every machine. Only the
// three dot products below know instruction sets; whatever the machine, they give the same sums.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cutaway {

constexpr int LANES = 16;
constexpr int LINE = 64;  // bytes of one vector: 16 floats, 16 pairs of bfloat16, 16 fours of int8

typedef float floats __attribute__((vector_size(LINE)));
typedef int32_t ints __attribute__((vector_size(LINE)));
typedef uint32_t words __attribute__((vector_size(LINE)));
typedef float loose_floats __attribute__((vector_size(LINE), aligned(4)));
typedef uint16_t halves __attribute__((vector_size(LINE / 2), aligned(2)));
typedef int8_t bytes __attribute__((vector_size(LINE / 4), aligned(1)));

// Fetches a line that will be read. The empty statement is there because GCC throws away whole
// functions that do nothing else.
inline void fetch(const void* line) {
  __builtin_prefetch(line, 0, 2);
  asm volatile("");
}

inline floats load(const float* from) { return *reinterpret_cast<const loose_floats*>(from); }
inline void store(float* to, floats value) { *reinterpret_cast<loose_floats*>(to) = value; }
inline words load_line(const void* from) { return *static_cast<const words*>(from); }
inline floats spread(float value) { return floats{} + value; }
inline ints spread(int32_t value) { return ints{} + value; }

// The first `n` lanes of a vector, zeros behind them.
inline floats first(floats value, int n) {
  for (int i = n; i < LANES; ++i) value[i] = 0.0f;
  return value;
}

inline floats larger(floats a, floats b) { return a > b ? a : b; }
inline floats magnitude(floats value) { return reinterpret_cast<floats>(reinterpret_cast<words>(value) & 0x7fffffffu); }

// The lanes are added up pairwise: one order, always.
inline float sum(floats value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(reinterpret_cast<__m512>(value));
#else
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) value[i] += value[i + half];
  return value[0];
#endif
}

inline int32_t sum(ints value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32(reinterpret_cast<__m512i>(value));
#else
  int32_t total = 0;
  for (int i = 0; i < LANES; ++i) total += value[i];
  return total;
#endif
}

inline float largest(floats value) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(reinterpret_cast<__m512>(value));
#else
  float most = value[0];
  for (int i = 1; i < LANES; ++i) most = value[i] > most ? value[i] : most;
  return most;
#endif
}

// To the nearest whole number, halves to even; |value| < 2^22.
inline ints nearest(floats value) {
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23
  return reinterpret_cast<ints>(value + magic) - 0x4b400000;
}

// e to the power of each lane, to about one unit of the last place; 0 below -87.
inline floats exponential(floats x) {
  floats bounded = x < -87.0f ? spread(-87.0f) : x;
  bounded = bounded > 88.0f ? spread(88.0f) : bounded;
  const ints n = nearest(bounded * 1.44269504088896341f);
  const floats whole = __builtin_convertvector(n, floats);
  floats r = bounded - whole * 0.693359375f;
  r = r + whole * 2.12194440e-4f;
  floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const floats result = reinterpret_cast<floats>(reinterpret_cast<ints>(p) + (n << 23));
  return x < -87.0f ? floats{} : result;
}

// GELU in its tanh form (Hendrycks and Gimpel 2016), written as x * sigmoid(2u).
inline floats gelu(floats x) {
  const floats u = (x + x * x * x * 0.044715f) * -1.5957691216057308f;  // -2 sqrt(2 / pi)
  return x / (exponential(u) + 1.0f);
}

// bfloat16: the upper half of a float, rounded to nearest even.
inline words rounded_up(floats value) {
  const words bits = reinterpret_cast<words>(value);
  return bits + 0x7fffu + ((bits >> 16) & 1u);
}
inline halves narrow(floats value) { return __builtin_convertvector(rounded_up(value) >> 16, halves); }
inline uint16_t narrow(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float widen(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
inline floats widen(halves value) { return reinterpret_cast<floats>(__builtin_convertvector(value, words) << 16); }

// Each lane: sum + the dot product of its pair of bfloat16 numbers with that of the other.
inline floats dot_pairs(floats total, words a, words b) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<floats>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(total), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
#else
  total = total + reinterpret_cast<floats>(a << 16) * reinterpret_cast<floats>(b << 16);
  return total + reinterpret_cast<floats>(a & 0xffff0000u) * reinterpret_cast<floats>(b & 0xffff0000u);
#endif
}

// Each lane: sum + the dot product of four unsigned bytes with four signed ones; exact.
inline ints dot_fours(ints total, words weights, words rows) {
#if defined(__AVX512VNNI__)
  return reinterpret_cast<ints>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(total), reinterpret_cast<__m512i>(weights), reinterpret_cast<__m512i>(rows)));
#elif defined(__AVX2__)
  __m256i* sums = reinterpret_cast<__m256i*>(&total);
  for (int half = 0; half < 2; ++half) {
    const __m256i w = reinterpret_cast<const __m256i*>(&weights)[half];
    const __m256i r = reinterpret_cast<const __m256i*>(&rows)[half];
#if defined(__AVXVNNI__)
    sums[half] = _mm256_dpbusd_avx_epi32(sums[half], w, r);
#else
    const __m256i even = _mm256_and_si256(w, _mm256_set1_epi16(0xff)), odd = _mm256_srli_epi16(w, 8);
    const __m256i r_even = _mm256_srai_epi16(_mm256_slli_epi16(r, 8), 8), r_odd = _mm256_srai_epi16(r, 8);
    sums[half] = _mm256_add_epi32(sums[half], _mm256_add_epi32(_mm256_madd_epi16(even, r_even), _mm256_madd_epi16(odd, r_odd)));
#endif
  }
  return total;
#else
  for (int shift = 0; shift < 32; shift += 8)
    total += reinterpret_cast<ints>((weights >> shift) & 0xffu) * (reinterpret_cast<ints>(rows << (24 - shift)) >> 24);
  return total;
#endif
}

}  // namespace cutaway

// What products are made of: float32, or pairs of bfloat16 where the processor multiplies them.
#pragma once

#include "simd.h"

namespace cutaway {

struct Single {
  static constexpr int PAIR = 1;  // elements in a word
  static constexpr int DEGREE = 5;
  static floats dot(floats total, words row, words line) { return total + as_floats(row) * as_floats(line); }
  static words ones() { return as_words(spread(1.0f)); }
  // A step of PAIR rows, `stride` vectors apart.
  static words line(const floats* rows, int) { return as_words(*rows); }
  static words scaled(words line, floats factors) { return as_words(as_floats(line) * factors); }
  // A step of masks, which are all bits or none.
  template <class Mask>
  static words mask(Mask of) {
    return of(0);
  }
};

#if defined(__AVX512BF16__) && defined(CUTAWAY_AVX512)
#define CUTAWAY_PAIRS 1
struct Paired {
  static constexpr int PAIR = 2;
  static constexpr int DEGREE = 4;
  static floats dot(floats total, words row, words line) {
    return reinterpret_cast<floats>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(total), reinterpret_cast<__m512bh>(row), reinterpret_cast<__m512bh>(line)));
  }
  // Two vectors end to end, in bfloat16.
  static words joined(floats first, floats second) {
    return reinterpret_cast<words>(_mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
  }
  static words ones() { return spread(0x3f803f80u); }
  static words line(const floats* rows, int stride) {
    const words places = spread(0x00100000u) + reinterpret_cast<words>(lane_numbers()) * 0x00010001u;  // numbers i and 16 + i
    return reinterpret_cast<words>(_mm512_permutexvar_epi16(reinterpret_cast<__m512i>(places), reinterpret_cast<__m512i>(joined(rows[0], rows[stride]))));
  }
  // By powers of two, so that nothing is to be rounded.
  static words scaled(words line, floats factors) {
    const words low = as_words(as_floats(line << 16) * factors), high = as_words(as_floats(line & 0xffff0000u) * factors);
    return low >> 16 | (high & 0xffff0000u);
  }
  template <class Mask>
  static words mask(Mask of) {
    return (of(0) & 0xffffu) | (of(1) & 0xffff0000u);
  }
};
using Bfloat16 = Paired;
#else
using Bfloat16 = Single;  // numbers are widened as they are packed
#endif

// Elements of tensors as they lie in memory.
inline floats load_numbers(const float* from) { return load(from); }
inline floats load_numbers(const uint16_t* from) { return widen(*reinterpret_cast<const halves*>(from)); }
inline void store_numbers(float* to, floats value) { store(to, value); }
inline void store_numbers(uint16_t* to, floats value) { *reinterpret_cast<halves*>(to) = narrow(value); }

// LANES words of a row, of which it has `n`, with zeros behind them.
template <class Kind, class Element>
inline words row_words(const Element* row, int n) {
  if constexpr (sizeof(Element) * Kind::PAIR == 4) {
    if (n >= LANES) return load(reinterpret_cast<const uint32_t*>(row));
    uint32_t some[LANES] = {};
    if (n > 0) std::memcpy(some, row, n * 4);
    return load(some);
  } else {
    if (n >= LANES) return as_words(load_numbers(row));
    words some = {};
    for (int i = 0; i < n; ++i) some[i] = static_cast<uint32_t>(row[i]) << 16;
    return some;
  }
}

// Words of the same elements of neighbouring rows; the second row may be missing.
template <class Kind, class Element>
inline words paired_words(const Element* row, const Element* next) {
  if constexpr (Kind::PAIR == 1) {
    return as_words(load_numbers(row));
  } else {
    const auto low = __builtin_convertvector(*reinterpret_cast<const halves*>(row), words);
    if (!next) return low;
    return low | __builtin_convertvector(*reinterpret_cast<const halves*>(next), words) << 16;
  }
}

}  // namespace cutaway

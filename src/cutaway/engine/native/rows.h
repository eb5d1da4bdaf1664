// The inputs of a product, rounded as its format wants them: one row for each token.
#pragma once

#include "memory.h"
#include "vec.h"

namespace cutaway {

// In the order of Format in native.py.
enum class Format : int { FLOAT32, BFLOAT16, INT8, INT4, INT8_WEIGHT_ONLY };

// FLOATS and PAIRS hold numbers in float32 and bfloat16. NARROW rows have 8 bits and a scale for each
// group of 64 inputs. WIDE rows have 15 bits, high * 128 + low, and one scale: what they lose is
// lost in bfloat16 too.
enum class Rounding : int { FLOATS, PAIRS, NARROW, WIDE };

constexpr int GROUP = 64;  // inputs that share a scale; rows are padded to whole groups

inline int padded(int n) { return static_cast<int>(rounded(n, GROUP)); }

inline Rounding rounding_of(Format format) {
  switch (format) {
    case Format::FLOAT32: return Rounding::FLOATS;
    case Format::BFLOAT16: return Rounding::PAIRS;
    case Format::INT8_WEIGHT_ONLY: return Rounding::WIDE;
    default: return Rounding::NARROW;
  }
}

// One row: numbers or pairs, or codes with their scales (`codes` are the high parts of WIDE rows).
// Offsets make up for weights being stored without a sign: minus zero times the sum of codes, of each
// group in NARROW, of the high and of the low parts in WIDE.
struct Row {
  char* cells;
  float* scales;
  int32_t* offsets;
  float* numbers() const { return reinterpret_cast<float*>(cells); }
  uint16_t* pairs() const { return reinterpret_cast<uint16_t*>(cells); }
  int8_t* codes() const { return reinterpret_cast<int8_t*>(cells); }
};

class Rows {
 public:
  Rows() = default;
  Rows(Format format, size_t n_rows, int width)
      : rounding(rounding_of(format)), zero(format == Format::INT4 ? 8 : 128), width(padded(width)) {
    n_groups = rounding == Rounding::NARROW ? this->width / GROUP : 1;
    cell_bytes_ = static_cast<size_t>(this->width) * input_bytes();
    const size_t scale_bytes = is_integer() ? 4 * n_groups + 4 * n_offsets() : 0;
    // A line more than a row needs: rows a whole page apart would fight for the same cache lines.
    stride_ = rounded(cell_bytes_ + scale_bytes, LINE) + LINE;
    bytes_ = Memory<char>(n_rows * stride_);
  }
  Row operator[](size_t i) const {
    char* cells = bytes_.data() + i * stride_;
    auto* scales = reinterpret_cast<float*>(cells + cell_bytes_);
    return {cells, scales, reinterpret_cast<int32_t*>(scales + n_groups)};
  }
  bool is_integer() const { return rounding == Rounding::NARROW || rounding == Rounding::WIDE; }
  int input_bytes() const { return rounding == Rounding::FLOATS ? 4 : rounding == Rounding::NARROW ? 1 : 2; }
  int n_offsets() const { return rounding == Rounding::WIDE ? 2 : n_groups; }
  size_t stride() const { return stride_; }  // bytes from one row to the next

  Rounding rounding = Rounding::FLOATS;
  int zero = 0, width = 0, n_groups = 1;

 private:
  size_t cell_bytes_ = 0, stride_ = 0;
  Memory<char> bytes_;
};

inline floats largest_of(const float* from, int n) {
  floats most = {};
  for (int i = 0; i < n; i += LANES) most = larger(most, magnitude(load(from + i)));
  return most;
}

inline void put_codes(int8_t* to, ints codes) { *reinterpret_cast<bytes*>(to) = __builtin_convertvector(codes, bytes); }

// Rounds the first `n` inputs of a group; the others are zeros.
inline void round_group(const float* from, int n, int g, const Rows& rows, Row to) {
  const float top = largest(largest_of(from, n));
  const float inverse = top > 0.0f ? 127.0f / top : 0.0f;
  ints total = {};
  for (int i = 0; i < n; i += LANES) {
    const ints codes = nearest(load(from + i) * inverse);
    put_codes(to.codes() + g * GROUP + i, codes);
    total += codes;
  }
  to.scales[g] = top / 127.0f;
  to.offsets[g] = -rows.zero * sum(total);
}

inline void round_wide(const float* from, const Rows& rows, Row to) {
  constexpr float MOST = 16383.0f;
  const float top = largest(largest_of(from, rows.width));
  const float inverse = top > 0.0f ? MOST / top : 0.0f;
  ints highs = {}, lows = {};
  for (int i = 0; i < rows.width; i += LANES) {
    const ints whole = nearest(load(from + i) * inverse);
    const ints high = whole >> 7, low = whole & 127;
    put_codes(to.codes() + i, high);
    put_codes(to.codes() + rows.width + i, low);
    highs += high;
    lows += low;
  }
  to.scales[0] = top / MOST;
  to.offsets[0] = -rows.zero * sum(highs);
  to.offsets[1] = -rows.zero * sum(lows);
}

// Rounds inputs [first, first + n) of a row, in whole groups or up to the last input; WIDE rows only whole.
inline void round_inputs(const float* from, int first, int n, const Rows& rows, Row to) {
  switch (rows.rounding) {
    case Rounding::FLOATS:
      std::memcpy(to.numbers() + first, from, sizeof(float) * n);
      return;
    case Rounding::PAIRS:
      for (int i = 0; i < n; i += LANES) *reinterpret_cast<halves*>(to.pairs() + first + i) = narrow(load(from + i));
      return;
    case Rounding::NARROW: {
      const int whole = n / GROUP * GROUP;
      for (int i = 0; i < whole; i += GROUP) round_group(from + i, GROUP, (first + i) / GROUP, rows, to);
      if (whole < n) round_group(from + whole, n - whole, (first + whole) / GROUP, rows, to);
      return;
    }
    case Rounding::WIDE: return round_wide(from, rows, to);
  }
}

// Rounds one row; `from` is padded with zeros to `rows.width`.
inline void round_row(const float* from, const Rows& rows, Row to) { round_inputs(from, 0, rows.width, rows, to); }

// Copies rounded inputs [first, first + n) from one row to another.
inline void copy_inputs(int first, int n, const Rows& rows, Row from, Row to) {
  const int each = rows.input_bytes(), g = first / GROUP, n_groups = parts(n, GROUP);
  std::memcpy(to.cells + first * each, from.cells + first * each, n * each);
  if (rows.rounding != Rounding::NARROW) return;
  std::memcpy(to.scales + g, from.scales + g, n_groups * sizeof(float));
  std::memcpy(to.offsets + g, from.offsets + g, n_groups * sizeof(int32_t));
}

}  // namespace cutaway

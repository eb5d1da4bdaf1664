// Products of rounded rows with panels of weights.
//
// A tile is R rows times P panels, kept in registers from the first line to the last. Each output is
// added up over the inputs in their order, whatever R and P: a row has the same bits in every tile.
#pragma once

#include "weights.h"

namespace cutaway {

// The elements of the formats that have no scales; the cache's keys and values are such too.
struct Float32 {
  using Element = float;
  static constexpr int PER_LINE = 1;
  static floats spread_at(const float* from) { return spread(*from); }
  static floats dot(floats total, words line, floats row) { return total + reinterpret_cast<floats>(line) * row; }
  static float narrowed(float value) { return value; }
};
struct BFloat16 {
  using Element = uint16_t;
  static constexpr int PER_LINE = 2;
  static words spread_at(const uint16_t* from) {
    uint32_t both;
    std::memcpy(&both, from, 4);
    return words{} + both;
  }
  static floats dot(floats total, words line, words row) { return dot_pairs(total, line, row); }
  static uint16_t narrowed(float value) { return narrow(value); }
};

// Adds rows times panels to `totals`; strides in elements of the rows, in bytes of the panels.
template <class Kind, int R, int P>
inline void multiply(floats (&totals)[R][P], const typename Kind::Element* rows, size_t row_stride, const char* panels, size_t panel_stride, int n_lines) {
  for (int k = 0; k < n_lines; ++k) {
    words lines[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) lines[p] = load_line(panels + p * panel_stride + static_cast<size_t>(k) * LINE);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto row = Kind::spread_at(rows + r * row_stride + k * Kind::PER_LINE);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) totals[r][p] = Kind::dot(totals[r][p], lines[p], row);
    }
  }
}

inline words four_at(const int8_t* from) {
  uint32_t four;
  std::memcpy(&four, from, 4);
  return words{} + four;
}

inline floats joined(ints high, ints low) {
  return __builtin_convertvector(high, floats) * 128.0f + __builtin_convertvector(low, floats);
}

// Where a tile's results go: R rows of floats, `stride` apart.
template <int R, int P>
inline void put(const floats (&totals)[R][P], float* to, size_t stride) {
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p) store(to + r * stride + p * LANES, totals[r][p]);
}

template <class Kind, int R, int P>
inline void tile_plain(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride) {
  floats totals[R][P] = {};
  const auto* from = reinterpret_cast<const typename Kind::Element*>(rows[row].high);
  multiply<Kind, R, P>(totals, from, rows.width, matrix.panel(panel), matrix.stride, matrix.n_lines);
  put<R, P>(totals, to, stride);
}

template <int R, int P>
inline void tile_int8(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride) {
  ints high[R][P], low[R][P];
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p) {
      high[r][p] = spread(rows[row + r].offsets[0]);
      low[r][p] = spread(rows[row + r].offsets[1]);
    }
  const char* panels = matrix.panel(panel);
  const int8_t* from = rows[row].high;
  const size_t row_stride = rows.stride();
  const int width = rows.width;
  for (int k = 0; k < matrix.n_lines; ++k) {
    words lines[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) lines[p] = load_line(panels + p * matrix.stride + static_cast<size_t>(k) * LINE);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const words high_four = four_at(from + r * row_stride + 4 * k), low_four = four_at(from + r * row_stride + width + 4 * k);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        high[r][p] = dot_fours(high[r][p], lines[p], high_four);
        low[r][p] = dot_fours(low[r][p], lines[p], low_four);
      }
    }
  }
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p)
      store(to + r * stride + p * LANES, joined(high[r][p], low[r][p]) * (*rows[row + r].scale * matrix.scales(panel + p)));
}

template <int R, int P>
inline void tile_int4(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride) {
  floats totals[R][P] = {};
  const char* panels = matrix.panel(panel);
  const int8_t* from = rows[row].high;
  const size_t row_stride = rows.stride();
  const int width = rows.width;
  for (int g = 0; g < matrix.n_groups; ++g) {
    ints high[R][P], low[R][P];
    for (int r = 0; r < R; ++r)
      for (int p = 0; p < P; ++p) {
        high[r][p] = spread(rows[row + r].offsets[2 * g]);
        low[r][p] = spread(rows[row + r].offsets[2 * g + 1]);
      }
    for (int k = g * (GROUP / 8); k < (g + 1) * (GROUP / 8); ++k) {
      words evens[P], odds[P];
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        const words line = load_line(panels + p * matrix.stride + static_cast<size_t>(k) * LINE);
        evens[p] = line & 0x0f0f0f0fu;
        odds[p] = (line >> 4) & 0x0f0f0f0fu;
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const int8_t* at = from + r * row_stride + 8 * k;
        const words high_even = four_at(at), low_even = four_at(at + width);
        const words high_odd = four_at(at + 4), low_odd = four_at(at + width + 4);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) {
          high[r][p] = dot_fours(high[r][p], evens[p], high_even);
          low[r][p] = dot_fours(low[r][p], evens[p], low_even);
          high[r][p] = dot_fours(high[r][p], odds[p], high_odd);
          low[r][p] = dot_fours(low[r][p], odds[p], low_odd);
        }
      }
    }
    for (int p = 0; p < P; ++p) {
      const floats scales = matrix.scales(panel + p, g);
      for (int r = 0; r < R; ++r) totals[r][p] = totals[r][p] + joined(high[r][p], low[r][p]) * scales;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p) totals[r][p] = totals[r][p] * *rows[row + r].scale;
  put<R, P>(totals, to, stride);
}

template <Format F, int R, int P>
inline void tile(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride) {
  if constexpr (F == Format::FLOAT32)
    tile_plain<Float32, R, P>(matrix, rows, row, panel, to, stride);
  else if constexpr (F == Format::BFLOAT16)
    tile_plain<BFloat16, R, P>(matrix, rows, row, panel, to, stride);
  else if constexpr (F == Format::INT8)
    tile_int8<R, P>(matrix, rows, row, panel, to, stride);
  else
    tile_int4<R, P>(matrix, rows, row, panel, to, stride);
}

// Rows that fit in the registers beside two panels.
template <Format F>
constexpr int most_rows() {
  return F == Format::INT4 ? 4 : F == Format::INT8 ? 6 : 12;
}

template <Format F, int R, int P>
void few_rows(int n, const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride) {
  if constexpr (R > 0) {
    if (n == R) return tile<F, R, P>(matrix, rows, row, panel, to, stride);
    few_rows<F, R - 1, P>(n, matrix, rows, row, panel, to, stride);
  }
}

template <Format F, int P>
void some_panels(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, float* to, size_t stride) {
  constexpr int MOST = most_rows<F>();
  for (; n_rows > 0; row += MOST, n_rows -= MOST, to += MOST * stride)
    few_rows<F, MOST, P>(n_rows < MOST ? n_rows : MOST, matrix, rows, row, panel, to, stride);
}

template <Format F>
void product_in(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, int n_panels, float* to, size_t stride) {
  for (; n_rows == 1 && n_panels >= 4; panel += 4, n_panels -= 4, to += 4 * LANES) tile<F, 1, 4>(matrix, rows, row, panel, to, stride);
  for (; n_panels >= 2; panel += 2, n_panels -= 2, to += 2 * LANES) some_panels<F, 2>(matrix, rows, row, n_rows, panel, to, stride);
  if (n_panels == 1) some_panels<F, 1>(matrix, rows, row, n_rows, panel, to, stride);
}

// Rows [row, row + n_rows) times panels [panel, panel + n_panels), to rows of floats.
inline void product(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, int n_panels, float* to, size_t stride) {
  switch (matrix.format) {
    case Format::FLOAT32: return product_in<Format::FLOAT32>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::BFLOAT16: return product_in<Format::BFLOAT16>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::INT8: return product_in<Format::INT8>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::INT4: return product_in<Format::INT4>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
  }
}

}  // namespace cutaway

// The product of a tile: ROWS rows times P vectors, kept in registers from the first step to the last.
#pragma once

#include "pack.h"

namespace cutaway {

template <int P>
using Tile = floats[ROWS][P];

// Adds to `totals` over `n_steps`. Word `step` of row r of the left side is at step * STEP + r * ROW.
template <class Kind, int P, int STEP, int ROW>
inline void multiply(floats (&totals)[ROWS][P], const uint32_t* left, const uint32_t* right, size_t right_stride, int n_steps) {
  for (int step = 0; step < n_steps; ++step, left += STEP, right += LANES) {
    words lines[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) lines[p] = load(right + p * right_stride);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
      const words word = spread(left[r * ROW]);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) totals[r][p] = Kind::dot(totals[r][p], word, lines[p]);
    }
  }
}

// Adds (ROWS, P vectors) that are in memory.
template <int P>
inline void add(floats (&totals)[ROWS][P], const float* from) {
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) totals[r][p] += load(from + (r * P + p) * LANES);
}

// The same as `multiply`, where the totals are in memory: vector p of row r is at r * row_stride + p * panel_stride.
template <class Kind, int P, int STEP, int ROW>
inline void add_product(float* totals, size_t row_stride, size_t panel_stride, const uint32_t* left, const uint32_t* right, size_t right_stride, int n_steps) {
  Tile<P> sums = {};
  multiply<Kind, P, STEP, ROW>(sums, left, right, right_stride, n_steps);
#pragma GCC unroll 16
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      float* at = totals + r * row_stride + p * panel_stride;
      store(at, load(at) + sums[r][p]);
    }
}

// Adds ROWS rows, `left`, times `width` columns, which lie one panel after another.
template <class Kind, int ROW>
inline void add_columns(float* to, int width, const uint32_t* left, const uint32_t* right, size_t panel, int n_steps) {
  int d = 0;
  for (; d + PANELS * LANES <= width; d += PANELS * LANES, right += PANELS * panel) add_product<Kind, PANELS, 1, ROW>(to + d, width, LANES, left, right, panel, n_steps);
  for (; d < width; d += LANES, right += panel) add_product<Kind, 1, 1, ROW>(to + d, width, LANES, left, right, panel, n_steps);
}

// A row of a tile, with steps along it.
template <class Kind>
inline void store_row(uint32_t* at, const floats (&row)[PANELS]) {
  if constexpr (Kind::PAIR == 1) {
#pragma GCC unroll 16
    for (int p = 0; p < PANELS; ++p) store(at + p * LANES, as_words(row[p]));
  } else {
    store(at, Kind::joined(row[0], row[1]));
  }
}

}  // namespace cutaway

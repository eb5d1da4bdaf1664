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
  using Lanes = floats;
  static float narrowed(float value) { return value; }
  static floats narrowed(floats value) { return value; }
  static void put_column(char* line, int, floats numbers) { store(reinterpret_cast<float*>(line), numbers); }
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
  using Lanes = halves;
  static uint16_t narrowed(float value) { return narrow(value); }
  static halves narrowed(floats value) { return narrow(value); }
  // Sets the first or the second element of each lane of a line.
  static void put_column(char* line, int column, floats numbers) {
    words& both = *reinterpret_cast<words*>(line);
    const words rounded = rounded_up(numbers);
    both = column ? (both & 0x0000ffffu) | (rounded & 0xffff0000u) : (both & 0xffff0000u) | (rounded >> 16);
  }
};

// What a tile fetches for the panels behind its own, which are needed soon, so that they come from
// memory while these are at work: nothing, all their lines, or a share of them where other tiles
// read the same panels and fetch the rest.
enum class Ahead { NOTHING, ALL, SHARE };

constexpr int BATCH = 16;  // lines between two looks at what to fetch

struct FetchShare {
  const char* at = nullptr;
  int n = 0;  // lines for every BATCH lines read
  void fetch_some() {
    for (int i = 0; i < n; ++i, at += LINE) fetch(at);
  }
};

// The lines of P panels at `from`.
template <Ahead AHEAD, int P>
inline void load_lines(words (&lines)[P], const char* from, size_t panel_stride) {
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p) {
    lines[p] = load_line(from + p * panel_stride);
    if constexpr (AHEAD == Ahead::ALL) fetch(from + (P + p) * panel_stride);
  }
}

// Adds rows times panels to `totals`; strides in elements of the rows, in bytes of the panels.
template <class Kind, Ahead AHEAD, int R, int P>
inline void multiply(floats (&totals)[R][P], const typename Kind::Element* rows, size_t row_stride, const char* panels, size_t panel_stride, int n_lines, FetchShare share = {}) {
  for (int k = 0; k < n_lines; ++k) {
    if (AHEAD == Ahead::SHARE && k % BATCH == 0) share.fetch_some();
    words lines[P];
    load_lines<AHEAD, P>(lines, panels + static_cast<size_t>(k) * LINE, panel_stride);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto row = Kind::spread_at(rows + r * row_stride + k * Kind::PER_LINE);
#pragma GCC unroll 16
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
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) store(to + r * stride + p * LANES, totals[r][p]);
}

template <class Kind, Ahead AHEAD, int R, int P>
inline void tile_plain(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride, FetchShare share) {
  floats totals[R][P] = {};
  const auto* from = reinterpret_cast<const typename Kind::Element*>(rows[row].cells);
  multiply<Kind, AHEAD, R, P>(totals, from, rows.stride() / sizeof(*from), matrix.panel(panel), matrix.stride, matrix.n_lines, share);
  put<R, P>(totals, to, stride);
}

// The lines of one group of inputs, each once (8 bits) or as two halves (4 bits).
template <bool FOUR_BITS, Ahead AHEAD, int R, int P>
inline void multiply_group(ints (&totals)[R][P], const char* panels, size_t panel_stride, const int8_t* codes, size_t row_stride, int n_lines) {
  for (int k = 0; k < n_lines; ++k, panels += LINE, codes += FOUR_BITS ? 8 : 4) {
    words lines[P];
    load_lines<AHEAD, P>(lines, panels, panel_stride);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const words four = four_at(codes + r * row_stride);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) totals[r][p] = dot_fours(totals[r][p], FOUR_BITS ? lines[p] & 0x0f0f0f0fu : lines[p], four);
    }
    if constexpr (FOUR_BITS) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const words four = four_at(codes + r * row_stride + 4);
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p) totals[r][p] = dot_fours(totals[r][p], (lines[p] >> 4) & 0x0f0f0f0fu, four);
      }
    }
  }
}

// NARROW rows: whole numbers within a group of inputs, floats from group to group.
template <bool FOUR_BITS, Ahead AHEAD, int R, int P>
inline void tile_narrow(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride, FetchShare share) {
  floats totals[R][P] = {};
  const Row from = rows[row];
  const size_t row_stride = rows.stride();
  const int n_lines = FOUR_BITS ? GROUP / 8 : GROUP / 4;
  for (int g = 0; g < rows.n_groups; ++g) {
    if (AHEAD == Ahead::SHARE && g * n_lines % BATCH == 0) share.fetch_some();
    ints group[R][P];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) group[r][p] = spread(from.offsets[r * (row_stride / 4) + g]);
    multiply_group<FOUR_BITS, AHEAD, R, P>(group, matrix.panel(panel) + static_cast<size_t>(g) * n_lines * LINE, matrix.stride, from.codes() + g * GROUP, row_stride, n_lines);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      const floats scales = FOUR_BITS ? matrix.scales(panel + p, g) : floats{};
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const floats numbers = __builtin_convertvector(group[r][p], floats);
        totals[r][p] = totals[r][p] + (FOUR_BITS ? numbers * scales : numbers) * from.scales[r * (row_stride / 4) + g];
      }
    }
  }
  if constexpr (!FOUR_BITS) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) totals[r][p] = totals[r][p] * matrix.scales(panel + p);
  }
  put<R, P>(totals, to, stride);
}

// WIDE rows: the high and the low parts by themselves, whole numbers from end to end.
template <Ahead AHEAD, int R, int P>
inline void tile_wide(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride, FetchShare share) {
  ints high[R][P], low[R][P];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      high[r][p] = spread(rows[row + r].offsets[0]);
      low[r][p] = spread(rows[row + r].offsets[1]);
    }
  const char* panels = matrix.panel(panel);
  const int8_t* codes = rows[row].codes();
  const size_t row_stride = rows.stride();
  for (int k = 0; k < matrix.n_lines; ++k) {
    if (AHEAD == Ahead::SHARE && k % BATCH == 0) share.fetch_some();
    words lines[P];
    load_lines<AHEAD, P>(lines, panels + static_cast<size_t>(k) * LINE, matrix.stride);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const words high_four = four_at(codes + r * row_stride + 4 * k), low_four = four_at(codes + r * row_stride + rows.width + 4 * k);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        high[r][p] = dot_fours(high[r][p], lines[p], high_four);
        low[r][p] = dot_fours(low[r][p], lines[p], low_four);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) store(to + r * stride + p * LANES, joined(high[r][p], low[r][p]) * (rows[row + r].scales[0] * matrix.scales(panel + p)));
}

template <Format F, Ahead AHEAD, int R, int P>
inline void tile(const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride, FetchShare share = {}) {
  if constexpr (F == Format::FLOAT32)
    tile_plain<Float32, AHEAD, R, P>(matrix, rows, row, panel, to, stride, share);
  else if constexpr (F == Format::BFLOAT16)
    tile_plain<BFloat16, AHEAD, R, P>(matrix, rows, row, panel, to, stride, share);
  else if constexpr (F == Format::INT8_WEIGHT_ONLY)
    tile_wide<AHEAD, R, P>(matrix, rows, row, panel, to, stride, share);
  else
    tile_narrow<F == Format::INT4, AHEAD, R, P>(matrix, rows, row, panel, to, stride, share);
}

// Rows that fit in the registers beside two panels, and divide the usual batches.
template <Format F>
constexpr int most_rows() {
  return F == Format::FLOAT32 || F == Format::BFLOAT16 ? 8 : 4;
}

template <Format F, Ahead AHEAD, int R, int P>
void few_rows(int n, const Matrix& matrix, const Rows& rows, int row, int panel, float* to, size_t stride, FetchShare share = {}) {
  if constexpr (R > 0) {
    if (n >= R) return tile<F, AHEAD, R, P>(matrix, rows, row, panel, to, stride, share);
    few_rows<F, AHEAD, R - 1, P>(n, matrix, rows, row, panel, to, stride, share);
  }
}

// Up to MANY rows share what is fetched ahead. Of more rows the first tile fetches it: the products take
// so long then that memory does not matter.
constexpr int MANY = 64;

template <Format F, int P>
void some_panels(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, float* to, size_t stride) {
  constexpr int MOST = most_rows<F>();
  if (n_rows <= MOST) return few_rows<F, Ahead::ALL, MOST, P>(n_rows, matrix, rows, row, panel, to, stride);
  const bool few = n_rows <= MANY;
  const int n_tiles = parts(n_rows, MOST), n = few ? parts(BATCH * P, n_tiles) : 0;
  const char* next = matrix.panel(panel + P);
  for (int done = 0; done < n_rows; done += MOST, next += n * LINE * parts(matrix.n_lines, BATCH)) {
    float* place = to + done * stride;
    if (few || n_rows - done < MOST)
      few_rows<F, Ahead::SHARE, MOST, P>(n_rows - done, matrix, rows, row + done, panel, place, stride, {next, n});
    else if (done == 0)
      tile<F, Ahead::ALL, MOST, P>(matrix, rows, row, panel, place, stride);
    else
      tile<F, Ahead::NOTHING, MOST, P>(matrix, rows, row + done, panel, place, stride);
  }
}

template <Format F>
void product_in(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, int n_panels, float* to, size_t stride) {
  for (; n_rows == 1 && n_panels >= 4; panel += 4, n_panels -= 4, to += 4 * LANES) tile<F, Ahead::ALL, 1, 4>(matrix, rows, row, panel, to, stride);
  for (; n_panels >= 2; panel += 2, n_panels -= 2, to += 2 * LANES) some_panels<F, 2>(matrix, rows, row, n_rows, panel, to, stride);
  if (n_panels == 1) some_panels<F, 1>(matrix, rows, row, n_rows, panel, to, stride);
}

// Rows [row, row + n_rows) times panels [panel, panel + n_panels), to rows of floats.
inline void product(const Matrix& matrix, const Rows& rows, int row, int n_rows, int panel, int n_panels, float* to, size_t stride) {
  switch (matrix.format) {
    case Format::FLOAT32: return product_in<Format::FLOAT32>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::BFLOAT16: return product_in<Format::BFLOAT16>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::INT8: return product_in<Format::INT8>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::INT8_WEIGHT_ONLY: return product_in<Format::INT8_WEIGHT_ONLY>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
    case Format::INT4: return product_in<Format::INT4>(matrix, rows, row, n_rows, panel, n_panels, to, stride);
  }
}

}  // namespace cutaway

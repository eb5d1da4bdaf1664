// The inputs of a product, rounded as its format wants them: one row for each token.
#pragma once

#include "memory.h"
#include "vec.h"

namespace cutaway {

enum class Format : int { FLOAT32, BFLOAT16, INT8, INT4 };

constexpr int GROUP = 64;  // inputs that share a scale in INT4; rows are padded to whole groups
constexpr float MOST = 16383.0f;  // rows of the integer formats have 15 bits: high * 128 + low

inline int padded(int n) { return static_cast<int>(rounded(n, GROUP)); }

// One row. Which parts are used is for the format: numbers (FLOAT32), pairs (BFLOAT16), or high,
// low, scale and offsets. Offsets make up for weights being stored without a sign: zero times the
// sum of the row's parts, of each group in INT4, of the whole row in INT8.
struct Row {
  float* numbers;
  uint16_t* pairs;
  int8_t *high, *low;
  int32_t* offsets;
  float* scale;
};

class Rows {
 public:
  Rows() = default;
  Rows(Format format, size_t n_rows, int width) : format(format), width(padded(width)) {
    n_groups = format == Format::INT4 ? this->width / GROUP : 1;
    const size_t item = format == Format::FLOAT32 ? 4 : 2;
    cells_ = Memory<char>(n_rows * this->width * item);
    if (item == 4 || format == Format::BFLOAT16) return;
    offsets_ = Memory<int32_t>(n_rows * n_groups * 2);
    scales_ = Memory<float>(n_rows);
  }
  Row operator[](size_t i) const {
    char* cells = cells_.data() + i * width * (format == Format::FLOAT32 ? 4 : 2);
    Row row{};
    row.numbers = reinterpret_cast<float*>(cells);
    row.pairs = reinterpret_cast<uint16_t*>(cells);
    row.high = reinterpret_cast<int8_t*>(cells);
    row.low = row.high + width;
    row.offsets = offsets_.data() + i * n_groups * 2;
    row.scale = scales_.data() + i;
    return row;
  }
  // Bytes from one row's cells to the next one's.
  size_t stride() const { return static_cast<size_t>(width) * (format == Format::FLOAT32 ? 4 : 2); }

  Format format = Format::FLOAT32;
  int width = 0, n_groups = 1;

 private:
  Memory<char> cells_;
  Memory<int32_t> offsets_;
  Memory<float> scales_;
};

inline void round_to_integers(const float* from, int width, int n_groups, int zero, Row to) {
  floats most = {};
  for (int i = 0; i < width; i += LANES) most = larger(most, magnitude(load(from + i)));
  const float top = largest(most);
  *to.scale = top / MOST;
  const float inverse = top > 0.0f ? MOST / top : 0.0f;
  const int group = width / n_groups;
  for (int g = 0; g < n_groups; ++g) {
    ints highs = {}, lows = {};
    for (int i = g * group; i < (g + 1) * group; i += LANES) {
      const ints whole = nearest(load(from + i) * inverse);
      const ints high = whole >> 7, low = whole & 127;
      *reinterpret_cast<bytes*>(to.high + i) = __builtin_convertvector(high, bytes);
      *reinterpret_cast<bytes*>(to.low + i) = __builtin_convertvector(low, bytes);
      highs += high;
      lows += low;
    }
    to.offsets[2 * g] = -zero * sum(highs);
    to.offsets[2 * g + 1] = -zero * sum(lows);
  }
}

// Rounds one row; `from` is padded with zeros to `rows.width`.
inline void round_row(const float* from, const Rows& rows, Row to) {
  switch (rows.format) {
    case Format::FLOAT32:
      std::memcpy(to.numbers, from, sizeof(float) * rows.width);
      return;
    case Format::BFLOAT16:
      for (int i = 0; i < rows.width; i += LANES) *reinterpret_cast<halves*>(to.pairs + i) = narrow(load(from + i));
      return;
    case Format::INT8:
      return round_to_integers(from, rows.width, 1, 128, to);
    case Format::INT4:
      return round_to_integers(from, rows.width, rows.n_groups, 8, to);
  }
}

// What rounding one row to `rows` takes of a thread's own memory, and the copy into its place.
inline void copy_row(const Rows& rows, Row from, Row to) {
  std::memcpy(to.high, from.high, rows.stride());
  if (rows.format == Format::FLOAT32 || rows.format == Format::BFLOAT16) return;
  std::memcpy(to.offsets, from.offsets, sizeof(int32_t) * 2 * rows.n_groups);
  *to.scale = *from.scale;
}

}  // namespace cutaway

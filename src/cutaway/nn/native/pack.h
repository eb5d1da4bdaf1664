// Tensors laid out for the tiles of a product.
//
// A product adds up over "steps": words along one axis. What a tile reads in a step must be together:
// PANELS vectors of one operand, ROWS words of the other. So both are cut into groups of G places
// (G is LANES or ROWS) along the axis that stays, and of a group the words of a step are neighbours.
#pragma once

#include <algorithm>

#include "kinds.h"

namespace cutaway {

inline int parts(int n, int size) { return (n + size - 1) / size; }
inline int rounded(int n, int to) { return parts(n, to) * to; }

// Rows of a tensor: one head of one text.
template <class Element>
struct Rows {
  Element* data;
  int64_t stride;
  int n, width;  // how many, and numbers in each
  Element* at(int i) const { return data + i * stride; }
};

// Vectors of distances as rows: row `reach` is for distance 0, those before it for 1, 2 and so on. Beyond
// what is known the farthest vector goes on.
template <class Element>
struct Band {
  Element* nearest;
  int64_t stride;
  int n_known, reach, n, width;
  Element* at(int i) const { return nearest - std::min(reach - i, n_known - 1) * stride; }
};

// Places are rows, steps run along them: (row / G, step, row % G). Behind the last row are zeros, up
// to a whole vector of rows.
template <class Kind, int G, class From>
void pack_rows(const From& from, int begin, int end, uint32_t* to) {
  const int n_steps = from.width / Kind::PAIR;
  for (int row = begin; row < end; row += LANES)
    for (int step = 0; step < n_steps; step += LANES) {
      words block[LANES] = {};
      for (int i = 0; i < LANES && row + i < std::min(end, from.n); ++i)
        block[i] = row_words<Kind>(from.at(row + i) + step * Kind::PAIR, n_steps - step);
      transpose(block);
      for (int s = 0; s < LANES && step + s < n_steps; ++s)
        for (int part = 0; part < LANES / G; ++part) {
          const size_t group = (row - begin) / G + part;
          std::memcpy(to + (group * n_steps + step + s) * G, reinterpret_cast<const uint32_t*>(&block[s]) + part * G, G * 4);
        }
    }
}

// Places are the numbers of a row, steps run from row to row: (place / G, step, place % G), with
// `n_steps` kept for each group.
template <class Kind, int G, class From>
void pack_columns(const From& from, int begin, int end, int n_steps, uint32_t* to) {
  const int last = std::min(end, from.n);
  for (int step = 0; step < n_steps; ++step) {
    const int row = begin + step * Kind::PAIR;
    for (int place = 0; place < from.width; place += LANES) {
      words line = {};
      if (row < last) line = paired_words<Kind>(from.at(row) + place, row + 1 < last ? from.at(row + 1) + place : nullptr);
      for (int part = 0; part < LANES / G; ++part)
        std::memcpy(to + ((place / G + part) * static_cast<size_t>(n_steps) + step) * G, reinterpret_cast<const uint32_t*>(&line) + part * G, G * 4);
    }
  }
}

// Writes LANES rows that are held as columns: number d of them is the vector at from + d * stride.
template <class Element>
void write_columns(const float* from, size_t stride, const floats& factors, const Rows<Element>& to, int begin) {
  for (int place = 0; place < to.width; place += LANES) {
    words block[LANES];
    for (int i = 0; i < LANES; ++i) block[i] = as_words(load(from + (place + i) * stride) * factors);
    transpose(block);
    for (int i = 0; i < LANES && begin + i < to.n; ++i) store_numbers(to.at(begin + i) + place, as_floats(block[i]));
  }
}

}  // namespace cutaway

// What the gradients of scores make of distances: slopes of keys, lane by lane, become slopes of
// distances, row by row (see distances.h), and those are multiplied with queries and with vectors.
#pragma once

#include "distances.h"

namespace cutaway {

template <class Kind, class Element, int KEY_BLOCK>
class DistanceGrads {
 public:
  DistanceGrads(const Problem& problem, int index, Workspace& workspace, int n_slots)
      : problem_(problem),
        index_(index),
        reach_(rounded(problem.n_query, GROUP)),
        n_rows_(problem.n_relative > 0 ? reach_ + 2 * GROUP : 0),
        columns_(workspace.take(static_cast<size_t>(n_rows_ / Kind::PAIR) * problem.width)),
        slopes_(workspace.take(n_rows_ ? BLOCK * ROW : 0)),
        lying_(workspace.take(n_rows_ ? BLOCK * ROW : 0)),
        sums_(reinterpret_cast<float*>(workspace.take(static_cast<size_t>(n_rows_) * problem.width))),
        delays_(n_rows_ ? n_slots : 0) {
    if (n_rows_ == 0) return;
    pack_columns<Kind, ROWS>(problem.band<const Element>(index, zero()), 0, n_rows_, n_rows_ / Kind::PAIR, columns_);
    std::fill_n(sums_, static_cast<size_t>(n_rows_) * problem.width, 0.0f);
  }

  // The slopes of the ROWS keys of tile `t` of a block, (ROWS, GROUP); they are changed. What waits in the
  // lanes of a group's slot stays for the next block.
  __attribute__((noinline)) void take(float* rows, int t, int slot) {
    delays_[slot].pass(rows);
    Tile<PANELS> tile = {};
    add(tile, rows);
    for (int r = 0; r < ROWS; ++r) store_row<Kind>(slopes_ + (t * ROWS + r) * ROW, tile[r]);
    for (int r = 0; r < ROWS; r += Kind::PAIR)
      for (int p = 0; p < PANELS; ++p) store(lying_ + p * PANEL + (t * ROWS + r) / Kind::PAIR * LANES, Kind::line(&tile[r][p], PANELS));
  }

  // Adds what the tiles of the block that begins with `key` make, for the queries from `first` on, to the
  // sums of distances and to those of the queries; what still waits as well if it is the last block.
  __attribute__((noinline)) void add_up(int key, int first, int n_tiles, bool is_last, const uint32_t* query_columns, size_t panel, float* query_sums) {
    for (int i = 0; is_last && i < GROUP / ROWS; ++i) {
      alignas(LINE) float none[ROWS * GROUP] = {};
      take(none, n_tiles++, first / GROUP);
    }
    const int row = key - first + reach_, width = problem_.width;
    const uint32_t* queries = query_columns + first / Kind::PAIR * LANES;
    for (int t = 0; t < n_tiles; ++t)
      add_columns<Kind, ROW>(sums_ + static_cast<size_t>(row + t * ROWS) * width, width, slopes_ + t * ROWS * ROW, queries, panel, GROUP / Kind::PAIR);
    for (int d = 0; d < width; d += ROWS)
      add_product<Kind, PANELS, ROWS, 1>(query_sums + d * LANES, LANES, static_cast<size_t>(width) * LANES, columns_ + static_cast<size_t>(d) * (n_rows_ / Kind::PAIR) + row / Kind::PAIR * ROWS, lying_, PANEL, n_tiles * ROWS / Kind::PAIR);
  }

  // The gradients of the vectors; the farthest has those of all beyond it.
  void write(float scale) const {
    const int width = problem_.width, n = problem_.n_relative, first = zero() - (n - 1);
    float* to = problem_.relative_grad_of(index_);
    std::fill_n(to, static_cast<size_t>(n) * width, 0.0f);
    for (int row = 0; row <= zero(); ++row) {
      float* at = to + static_cast<size_t>(std::max(row - first, 0)) * width;
      for (int d = 0; d < width; d += LANES) store(at + d, load(at + d) + load(sums_ + static_cast<size_t>(row) * width + d) * scale);
    }
  }

 private:
  static constexpr int BLOCK = KEY_BLOCK + GROUP;  // rows that a block of keys makes
  static constexpr int ROW = GROUP / Kind::PAIR;   // words of a row
  static constexpr int PANEL = BLOCK / Kind::PAIR * LANES;
  int zero() const { return reach_ + GROUP - 1; }  // the row of distance 0: rows come late by GROUP - 1

  const Problem& problem_;
  int index_, reach_, n_rows_;
  uint32_t *columns_, *slopes_, *lying_;
  float* sums_;
  std::vector<Delay<true>> delays_;
};

}  // namespace cutaway

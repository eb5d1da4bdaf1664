// What a score has of the distance (Huang et al. 2019, "Music Transformer", section 3.4): the product of
// the query and a vector that is learned for the distance, q . E[d].
//
// Of a head's queries and keys a group has a band of distances. Its products are made as those of keys
// are, ROWS vectors times a group of queries; but the lanes of a row are then of one distance, and those
// of a key are wanted: lane l of key s is in row s - l. So lanes are delayed, lane l by l rows, as rows
// go by. It is the paper's skewing without a matrix of all pairs; and back for gradients.
#pragma once

#include <vector>

#include "problem.h"
#include "tile.h"
#include "workspace.h"

namespace cutaway {

// Lets rows of a group pass, ROWS at a time: lane l comes l rows later, or GROUP - 1 - l if REVERSED. By
// powers of two: a lane whose number has the bit waits as many rows.
template <bool REVERSED>
class Delay {
 public:
  // `rows`, (ROWS, GROUP), are changed into those that are due.
  void pass(float* rows) {
    for (int p = 0; p < PANELS; ++p) {
      floats lines[ROWS];
      for (int r = 0; r < ROWS; ++r) lines[r] = load(rows + r * GROUP + p * LANES);
      if constexpr (PANELS == 2)
        if (p == (REVERSED ? 0 : 1)) wait(lines);
      step<1>(lines, held_[p]);
      for (int r = 0; r < ROWS; ++r) store(rows + r * GROUP + p * LANES, lines[r]);
    }
  }

 private:
  static_assert(PANELS <= 2 && LANES % ROWS == 0 && LANES / 2 <= ROWS);
  static constexpr int TILES = LANES / ROWS;  // by which one panel is behind the other

  void wait(floats (&lines)[ROWS]) {
    for (int r = 0; r < ROWS; ++r) std::swap(lines[r], waiting_[turn_][r]);
    turn_ = (turn_ + 1) % TILES;
  }

  template <int STEP>
  static void step(floats (&lines)[ROWS], floats* held) {
    if constexpr (STEP < LANES) {
      const ints waits = (lane_numbers() & STEP) != (REVERSED ? STEP : 0);
      floats before[STEP];
      for (int i = 0; i < STEP; ++i) before[i] = held[i];
      for (int i = 0; i < STEP; ++i) held[i] = lines[ROWS - STEP + i];
#pragma GCC unroll 16
      for (int i = ROWS - 1; i >= STEP; --i) lines[i] = waits ? lines[i - STEP] : lines[i];
#pragma GCC unroll 16
      for (int i = 0; i < STEP; ++i) lines[i] = waits ? before[i] : lines[i];
      step<2 * STEP>(lines, held + STEP);
    }
  }

  floats held_[PANELS][LANES] = {};  // 1, 2, 4, ... rows in front of each step
  floats waiting_[TILES][ROWS] = {};
  int turn_ = 0;
};

// The terms of a head, key after key for a group of queries. What waits in a group's lanes stays from one
// block of keys to the next, if there is a slot for each group.
template <class Kind, class Element>
class Distances {
 public:
  Distances(const Problem& problem, int index, Workspace& workspace, int n_slots = 1)
      : are_known_(problem.n_relative > 0),
        n_steps_(problem.width / Kind::PAIR),
        reach_(rounded(problem.n_query, GROUP)),
        last_far_(reach_ - problem.n_relative + 1),
        band_(workspace.take(are_known_ ? static_cast<size_t>(reach_ + GROUP) * n_steps_ : 0)),
        delays_(are_known_ ? n_slots : 0) {
    if (are_known_) pack_rows<Kind, ROWS>(problem.band<const Element>(index, reach_), 0, reach_ + GROUP, band_);
  }
  bool are_known() const { return are_known_; }

  // Goes on to keys from `key` on, for the queries from `first` on, which are packed with `panel` words to
  // a vector; begins with them, if they are `new` to the slot.
  void go_to(int key, int first, const uint32_t* queries, size_t panel, bool is_new, int slot = 0) {
    queries_ = queries;
    panel_ = panel;
    slot_ = slot;
    has_far_ = false;
    at_ = key - first + reach_;
    if (!is_new) return;
    at_ -= GROUP;
    for (int i = 0; i < GROUP / ROWS; ++i) next();  // what the first keys' lanes have waited for
  }

  // The terms of the next ROWS keys, (ROWS, GROUP); 0 for keys behind a query.
  __attribute__((noinline)) const float* next() {
    const bool is_far = at_ + ROWS - 1 <= last_far_;  // all rows are of the same vector
    Tile<PANELS> tile = {};
    if (is_far && has_far_)
      for (int r = 0; r < ROWS; ++r) std::memcpy(terms_ + r * GROUP, far_, sizeof(far_));
    else {
      multiply<Kind, PANELS, ROWS, 1>(tile, band_ + static_cast<size_t>(at_) * n_steps_, queries_, panel_, n_steps_);
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int p = 0; p < PANELS; ++p) store(terms_ + r * GROUP + p * LANES, tile[r][p]);
    }
    if (is_far && !has_far_) std::memcpy(far_, terms_, sizeof(far_));
    has_far_ |= is_far;
    at_ += ROWS;
    delays_[slot_].pass(terms_);
    return terms_;
  }

 private:
  bool are_known_, has_far_ = false;
  int n_steps_, reach_, last_far_;
  uint32_t* band_;  // row reach_ + s - t is for a query t and a key s
  const uint32_t* queries_ = nullptr;
  size_t panel_ = 0;
  int at_ = 0, slot_ = 0;
  std::vector<Delay<false>> delays_;
  alignas(LINE) float terms_[ROWS * GROUP], far_[GROUP];
};

}  // namespace cutaway

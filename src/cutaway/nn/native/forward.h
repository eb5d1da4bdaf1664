// Attention forward (Dao et al. 2022, "FlashAttention", algorithm 1), lying on its side: the lanes of a
// vector are queries, so that a query's maximum and sum are lanes too and nothing is added across.
//
// The maximum is a reference that follows late, when a score is more than LATE powers of two above it:
// until then weights may be that much larger than 1, and nothing has to be scaled down.
#pragma once

#include "distances.h"

namespace cutaway {

constexpr float LATE = 8.0f;
constexpr float NONE = -1e30f;  // the reference of a query that has seen no key
constexpr int KEYS = 128;  // whose weights wait to be multiplied with values together

template <class Kind, class Element>
class Forward {
 public:
  Forward(const Problem& problem, int index, Workspace& workspace)
      : problem_(problem),
        index_(index),
        dropout_(problem.dropout_of(index)),
        factor_(problem.factor()),
        n_steps_(problem.width / Kind::PAIR),
        n_value_steps_(rounded(problem.n_query, LANES) / Kind::PAIR),
        keys_(workspace.take(static_cast<size_t>(rounded(problem.n_query, LANES)) * n_steps_)),
        values_(workspace.take(static_cast<size_t>(n_value_steps_) * problem.width)),
        queries_(workspace.take(GROUP * n_steps_)),
        weights_(workspace.take(KEYS / Kind::PAIR * GROUP)),
        sums_(reinterpret_cast<float*>(workspace.take(problem.width * GROUP))),
        distances_(problem, index, workspace) {
    pack_rows<Kind, ROWS>(problem.rows<const Element>(problem.k, index), 0, problem.n_query, keys_);
    pack_columns<Kind, ROWS>(problem.rows<const Element>(problem.v, index), 0, problem.n_query, n_value_steps_, values_);
  }

  // The queries [first, first + GROUP).
  void group(int first) {
    const Sight sight(problem_.starts_of(index_), first, problem_.n_query);
    pack_rows<Kind, LANES>(problem_.rows<const Element>(problem_.q, index_), first, first + GROUP, queries_);
    std::fill_n(sums_, problem_.width * GROUP, 0.0f);
    for (int p = 0; p < PANELS; ++p) top_[p] = spread(NONE), total_[p] = floats{};
    waiting_ = sight.least / LANES * LANES;
    if (distances_.are_known()) distances_.go_to(waiting_, first, queries_, static_cast<size_t>(LANES) * n_steps_, true);
    for (int key = waiting_; key <= sight.last; key += ROWS) {
      weigh(key, sight);
      if (key + ROWS - waiting_ == KEYS) mix(key + ROWS);
    }
    mix(rounded(sight.last + 1, ROWS));
    finish(first);
  }

 private:
  static constexpr int PANEL = KEYS / Kind::PAIR * LANES;  // words of a vector's weights
  // The weights of ROWS keys.
  void weigh(int key, const Sight& sight) {
    Tile<PANELS> scores = {};
    multiply<Kind, PANELS, ROWS, 1>(scores, keys_ + static_cast<size_t>(key) * n_steps_, queries_, LANES * n_steps_, n_steps_);
    if (distances_.are_known()) add(scores, distances_.next());
    if (!sight.is_whole(key, ROWS))
      for (int r = 0; r < ROWS; ++r)
        for (int p = 0; p < PANELS; ++p) scores[r][p] = sight.masked(scores[r][p], p, key + r);
    follow(scores, key);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
      for (int p = 0; p < PANELS; ++p) scores[r][p] = power_of_two<Kind::DEGREE>(scores[r][p] * factor_ - top_[p]);
    keep(scores, key, sight.first);
  }

  // Raises the reference of the queries for which it is too low, by a whole power of two: what was
  // made for the old one is then scaled without an error, and no query's bits depend on its neighbours.
  void follow(const Tile<PANELS>& scores, int key) {
    floats most[PANELS];
    bool is_low = false;
#pragma GCC unroll 16
    for (int p = 0; p < PANELS; ++p) {
      most[p] = scores[0][p];
#pragma GCC unroll 16
      for (int r = 1; r < ROWS; ++r) most[p] = larger(scores[r][p], most[p]);
      most[p] *= factor_;
      is_low |= any_above(most[p], top_[p] + LATE);
    }
    if (!is_low) return;
    for (int p = 0; p < PANELS; ++p) {
      const floats by = most[p] > top_[p] + LATE ? ceiling(most[p] - top_[p]) : floats{};
      scale_down(p, whole_power_of_two(-by), key);
      top_[p] = top_[p] == NONE ? larger(most[p], spread(NONE)) : top_[p] + by;
    }
  }

  void scale_down(int p, floats factors, int key) {
    total_[p] *= factors;
    for (int d = 0; d < problem_.width; ++d) store(sum_at(d, p), load(sum_at(d, p)) * factors);
    uint32_t* waiting = weights_ + p * PANEL;
    for (int i = 0; i < (key - waiting_) / Kind::PAIR; ++i) store(waiting + i * LANES, Kind::scaled(load(waiting + i * LANES), factors));
  }

  // Adds up weights as they are rounded, and lets them wait: vector (p, step) holds those of a step's keys.
  void keep(const Tile<PANELS>& weights, int key, int query) {
    uint32_t* to = weights_ + (key - waiting_) / Kind::PAIR * LANES;
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r += Kind::PAIR)
#pragma GCC unroll 16
      for (int p = 0; p < PANELS; ++p) {
        words line = Kind::line(&weights[r][p], PANELS);
        total_[p] = Kind::dot(total_[p], Kind::ones(), line);
        if (dropout_.is_on()) line &= Kind::mask([&](int i) { return dropout_.kept(key + r + i, query + p * LANES); });
        store(to + p * PANEL + r / Kind::PAIR * LANES, line);
      }
  }

  // Adds the values of the keys up to `end`, by their weights.
  void mix(int end) {
    const int n = (end - waiting_) / Kind::PAIR;
    const size_t row = static_cast<size_t>(PANELS) * LANES;
    if (n > 0)
      for (int d = 0; d < problem_.width; d += ROWS)
        add_product<Kind, PANELS, ROWS, 1>(sum_at(d, 0), row, LANES, values_ + (static_cast<size_t>(d / ROWS) * n_value_steps_ + waiting_ / Kind::PAIR) * ROWS, weights_, PANEL, n);
    waiting_ = end;
  }

  void finish(int first) {
    const auto out = problem_.rows<Element>(problem_.out, index_);
    float* log_sums = problem_.log_sums_of(index_);
    for (int p = 0; p < PANELS; ++p) {
      const int begin = first + p * LANES;
      write_columns(sum_at(0, p), GROUP, spread(dropout_.scale()) / total_[p], out, begin);
      for (int i = 0; i < LANES && begin + i < problem_.n_query; ++i) log_sums[begin + i] = top_[p][i] + __builtin_log2f(total_[p][i]);
    }
  }
  float* sum_at(int d, int p) const { return sums_ + (static_cast<size_t>(d) * PANELS + p) * LANES; }

  const Problem& problem_;
  int index_;
  Dropout dropout_;
  float factor_;
  int n_steps_, n_value_steps_;
  uint32_t *keys_, *values_, *queries_, *weights_;
  float* sums_;  // (width, PANELS, LANES): the weighted sums of values
  Distances<Kind, Element> distances_;
  floats top_[PANELS], total_[PANELS];
  int waiting_ = 0;  // the first key whose weights are not mixed yet
};

}  // namespace cutaway

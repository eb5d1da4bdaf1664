// Attention backward (Dao et al. 2022, "FlashAttention", algorithm 4), lying on its side like the forward
// pass: rows are keys, lanes are queries. The pattern is computed again from the logarithms of the sums.
//
// Names: a weight is a number of the pattern, a slope its score's gradient.
#pragma once

#include <vector>

#include "distance_grads.h"

namespace cutaway {

constexpr int KEY_BLOCK = 64;     // keys whose gradients are summed at a time
constexpr int QUERY_BLOCK = 128;  // queries whose weights are held at a time; a multiple of GROUP

template <class Kind, class Element>
class Backward {
 public:
  Backward(const Problem& problem, int index, Workspace& workspace)
      : problem_(problem),
        index_(index),
        dropout_(problem.dropout_of(index)),
        n_steps_(problem.width / Kind::PAIR),
        n_queries_(rounded(problem.n_query, GROUP)),
        queries_(workspace.take(static_cast<size_t>(n_queries_) * n_steps_)),
        grads_(workspace.take(static_cast<size_t>(n_queries_) * n_steps_)),
        query_columns_(workspace.take(static_cast<size_t>(n_queries_) * n_steps_)),
        grad_columns_(workspace.take(static_cast<size_t>(n_queries_) * n_steps_)),
        keys_(workspace.take(KEY_BLOCK * n_steps_)),
        values_(workspace.take(KEY_BLOCK * n_steps_)),
        key_columns_(workspace.take(KEY_BLOCK * n_steps_)),
        weights_(workspace.take(KEY_BLOCK * ROW)),
        slopes_(workspace.take(KEY_BLOCK * ROW)),
        lying_(workspace.take(KEY_BLOCK * ROW)),
        query_sums_(floats_of(workspace, static_cast<size_t>(n_queries_) * problem.width)),
        key_sums_(floats_of(workspace, KEY_BLOCK * problem.width)),
        value_sums_(floats_of(workspace, KEY_BLOCK * problem.width)),
        log_sums_(floats_of(workspace, n_queries_)),
        deltas_(floats_of(workspace, n_queries_)),
        distances_(problem, index, workspace, n_queries_ / GROUP),
        distance_grads_(problem, index, workspace, n_queries_ / GROUP) {
    const auto queries = problem.rows<const Element>(problem.q, index), grads = problem.rows<const Element>(problem.out_grad, index);
    pack_rows<Kind, LANES>(queries, 0, n_queries_, queries_);
    pack_rows<Kind, LANES>(grads, 0, n_queries_, grads_);
    pack_columns<Kind, LANES>(queries, 0, n_queries_, n_queries_ / Kind::PAIR, query_columns_);
    pack_columns<Kind, LANES>(grads, 0, n_queries_, n_queries_ / Kind::PAIR, grad_columns_);
    std::fill_n(query_sums_, static_cast<size_t>(n_queries_) * problem.width, 0.0f);
    look(grads);
  }

  void run() {
    for (int key = 0; key < problem_.n_query; key += KEY_BLOCK) block(key);
    const auto to = problem_.rows<Element>(problem_.q_grad, index_);
    for (int query = 0; query < problem_.n_query; query += LANES)
      write_columns(query_sums_ + static_cast<size_t>(query) * problem_.width, LANES, spread(scale()), to, query);
    if (distances_.are_known()) distance_grads_.write(scale());
  }

 private:
  static constexpr int ROW = QUERY_BLOCK / Kind::PAIR;  // words of a key's weights
  static float* floats_of(Workspace& workspace, size_t n) { return reinterpret_cast<float*>(workspace.take(n)); }
  float scale() const { return 1.0f / __builtin_sqrtf(static_cast<float>(problem_.width)); }

  // What each query sees, its sum, and the product of its output with the output's gradient. Queries
  // behind the last have no weights: their sum is infinite.
  void look(const Rows<const Element>& grads) {
    const auto out = problem_.rows<const Element>(problem_.out, index_);
    for (int i = 0; i < n_queries_; ++i) {
      floats total = {};
      if (i < out.n)
        for (int d = 0; d < out.width; d += LANES) total += load_numbers(out.at(i) + d) * load_numbers(grads.at(i) + d);
      deltas_[i] = sum(total);
      log_sums_[i] = i < out.n ? problem_.log_sums_of(index_)[i] : __builtin_inff();
    }
    for (int first = 0; first < n_queries_; first += GROUP) sights_.emplace_back(problem_.starts_of(index_), first, problem_.n_query);
    for (const Sight& sight : sights_) least_.push_back(sight.least);
    for (int i = static_cast<int>(least_.size()) - 2; i >= 0; --i) least_[i] = std::min(least_[i], least_[i + 1]);
  }

  // The gradients of KEY_BLOCK keys and values, and their part in those of the queries.
  void block(int key) {
    const auto keys = problem_.rows<const Element>(problem_.k, index_), values = problem_.rows<const Element>(problem_.v, index_);
    pack_rows<Kind, ROWS>(keys, key, key + KEY_BLOCK, keys_);
    pack_rows<Kind, ROWS>(values, key, key + KEY_BLOCK, values_);
    pack_columns<Kind, ROWS>(keys, key, key + KEY_BLOCK, KEY_BLOCK / Kind::PAIR, key_columns_);
    std::fill_n(key_sums_, KEY_BLOCK * problem_.width, 0.0f);
    std::fill_n(value_sums_, KEY_BLOCK * problem_.width, 0.0f);
    int end = key / GROUP * GROUP;  // behind the last query that sees one of them
    while (end < n_queries_ && least_[end / GROUP] < key + KEY_BLOCK) end += GROUP;
    for (int query = key / QUERY_BLOCK * QUERY_BLOCK; query < end; query += QUERY_BLOCK) {
      const int first = std::max(query, key / GROUP * GROUP), last = std::min(query + QUERY_BLOCK, end);
      for (int group = first; group < last; group += GROUP) {
        const int n_tiles = tiles_before(group, key);
        if (distances_.are_known()) {  // a group sees the blocks from some one on to that with its own keys
          const bool is_new = key == 0 || least_[group / GROUP] >= key;
          distances_.go_to(key, group, queries_ + static_cast<size_t>(group) * n_steps_, static_cast<size_t>(LANES) * n_steps_, is_new, group / GROUP);
        }
        for (int t = 0; t < n_tiles; ++t) slope(key, t, query, group);
        if (distances_.are_known()) distance_grads_.add_up(key, group, n_tiles, group < key + KEY_BLOCK, query_columns_, column_panel(), query_sums_ + static_cast<size_t>(group) * problem_.width);
      }
      sum_keys(key, query, last);
      for (int group = first; group < last; group += GROUP) sum_queries(key, query, group);
    }
    write(key_sums_, scale(), problem_.rows<Element>(problem_.k_grad, index_), key);
    write(value_sums_, dropout_.scale(), problem_.rows<Element>(problem_.v_grad, index_), key);
  }

  // How many tiles of a block have a key that the group's last query sees.
  int tiles_before(int group, int key) const {
    return std::min(KEY_BLOCK / ROWS, (std::min(group + GROUP, problem_.n_query) - 1 - key) / ROWS + 1);
  }

  // Weights and slopes of a tile: ROWS keys, a group of queries.
  void slope(int block, int t, int query, int group) {
    const int key = block + t * ROWS, begin = t * ROWS * n_steps_;
    const size_t panel = static_cast<size_t>(LANES) * n_steps_, place = static_cast<size_t>(group) * n_steps_;
    const Sight& sight = sights_[group / GROUP];
    Tile<PANELS> tile = {};
    multiply<Kind, PANELS, ROWS, 1>(tile, keys_ + begin, queries_ + place, panel, n_steps_);
    if (distances_.are_known()) add(tile, distances_.next());
    if (!sight.is_whole(key, ROWS))
      for (int r = 0; r < ROWS; ++r)
        for (int p = 0; p < PANELS; ++p) tile[r][p] = sight.masked(tile[r][p], p, key + r);
    alignas(LINE) float weights[ROWS * GROUP];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
      for (int p = 0; p < PANELS; ++p) {
        tile[r][p] = power_of_two<Kind::DEGREE>(tile[r][p] * problem_.factor() - load(log_sums_ + group + p * LANES));
        store(weights + r * GROUP + p * LANES, tile[r][p]);
      }
    alignas(LINE) uint32_t kept[ROWS * GROUP];
    if (dropout_.is_on()) drop(tile, kept, key, group);
    keep(tile, weights_, t, group - query);
    Tile<PANELS> slopes = {};
    multiply<Kind, PANELS, ROWS, 1>(slopes, values_ + begin, grads_ + place, panel, n_steps_);
    if (dropout_.is_on()) drop_again(slopes, kept);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
      for (int p = 0; p < PANELS; ++p) slopes[r][p] = load(weights + r * GROUP + p * LANES) * (slopes[r][p] - load(deltas_ + group + p * LANES));
    keep(slopes, slopes_, t, group - query);
    keep_lying(slopes, t, group - query);
    if (distances_.are_known()) {
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int p = 0; p < PANELS; ++p) store(weights + r * GROUP + p * LANES, slopes[r][p]);
      distance_grads_.take(weights, t, group / GROUP);
    }
  }

  void drop(Tile<PANELS>& tile, uint32_t* kept, int key, int group) {
    for (int r = 0; r < ROWS; ++r)
      for (int p = 0; p < PANELS; ++p) {
        const words mask = dropout_.kept(key + r, group + p * LANES);
        store(kept + r * GROUP + p * LANES, mask);
        tile[r][p] = as_floats(as_words(tile[r][p]) & mask);
      }
  }
  void drop_again(Tile<PANELS>& tile, const uint32_t* kept) {
    for (int r = 0; r < ROWS; ++r)
      for (int p = 0; p < PANELS; ++p) tile[r][p] = as_floats(as_words(tile[r][p] * dropout_.scale()) & load(kept + r * GROUP + p * LANES));
  }

  // Rows of keys, steps along queries: the left side of the keys' and values' sums.
  void keep(const Tile<PANELS>& tile, uint32_t* to, int t, int query) {
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) store_row<Kind>(to + (t * ROWS + r) * ROW + query / Kind::PAIR, tile[r]);
  }
  // Steps along keys, lanes of queries: the right side of the queries' sums.
  void keep_lying(const Tile<PANELS>& tile, int t, int query) {
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r += Kind::PAIR)
#pragma GCC unroll 16
      for (int p = 0; p < PANELS; ++p) {
        uint32_t* at = lying_ + (query / LANES + p) * (KEY_BLOCK / Kind::PAIR * LANES) + (t * ROWS + r) / Kind::PAIR * LANES;
        store(at, Kind::line(&tile[r][p], PANELS));
      }
  }

  // Adds the block's queries to the sums of keys and values.
  void sum_keys(int key, int query, int last) {
    for (int t = 0; t < KEY_BLOCK / ROWS; ++t) {
      const int first = std::max(query, (key + t * ROWS) / GROUP * GROUP);
      if (first >= last) return;
      const int from = t * ROWS * ROW + (first - query) / Kind::PAIR, n = (last - first) / Kind::PAIR;
      const size_t begin = static_cast<size_t>(first / Kind::PAIR) * LANES;
      add_columns<Kind, ROW>(value_sums_ + t * ROWS * problem_.width, problem_.width, weights_ + from, grad_columns_ + begin, column_panel(), n);
      add_columns<Kind, ROW>(key_sums_ + t * ROWS * problem_.width, problem_.width, slopes_ + from, query_columns_ + begin, column_panel(), n);
    }
  }
  size_t column_panel() const { return static_cast<size_t>(n_queries_ / Kind::PAIR) * LANES; }

  // Adds the block's keys to the sums of a group of queries.
  void sum_queries(int key, int query, int group) {
    const int n = tiles_before(group, key) * ROWS / Kind::PAIR;
    constexpr int PANEL = KEY_BLOCK / Kind::PAIR * LANES;
    for (int d = 0; d < problem_.width; d += ROWS)
      add_product<Kind, PANELS, ROWS, 1>(query_sums_ + static_cast<size_t>(group) * problem_.width + d * LANES, LANES, static_cast<size_t>(problem_.width) * LANES, key_columns_ + d * (KEY_BLOCK / Kind::PAIR), lying_ + (group - query) / LANES * PANEL, PANEL, n);
  }

  void write(const float* sums, float factor, const Rows<Element>& to, int key) {
    for (int i = 0; i < KEY_BLOCK && key + i < to.n; ++i)
      for (int d = 0; d < to.width; d += LANES) store_numbers(to.at(key + i) + d, load(sums + i * to.width + d) * factor);
  }

  const Problem& problem_;
  int index_;
  Dropout dropout_;
  int n_steps_, n_queries_;
  uint32_t *queries_, *grads_, *query_columns_, *grad_columns_;  // all of the head's
  uint32_t *keys_, *values_, *key_columns_;                      // a block's
  uint32_t *weights_, *slopes_, *lying_;
  float *query_sums_, *key_sums_, *value_sums_, *log_sums_, *deltas_;
  Distances<Kind, Element> distances_;
  DistanceGrads<Kind, Element, KEY_BLOCK> distance_grads_;
  std::vector<Sight> sights_;
  std::vector<int> least_;  // the first key that a group or one behind it sees
};

}  // namespace cutaway

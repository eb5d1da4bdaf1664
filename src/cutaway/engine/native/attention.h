// Masked attention of a few neighbouring tokens of one text, in one head.
//
// All scores of a token are made first, then their softmax, then the mean of the values: two
// products over the tiles of the cache. Where the model knows distances, each score has a term of the
// query and its distance's vector (Huang et al. 2019, section 3.4), added before the softmax. Sums run
// over blocks, and in them over lanes, in the order of positions; what is masked adds zeros. So a token
// has the same bits alone or among others.
#pragma once

#include "cache.h"

namespace cutaway {

constexpr int QUERIES = 8;

template <class Kind>
struct AttentionScratch {
  explicit AttentionScratch(const Shape& shape)
      : stride(rounded(shape.n_ctx, BLOCK) + LANES * 2),
        width(rounded(shape.head_dim(), LANES)),
        distance_stride(rounded(shape.n_distances, LANES) + LANES * 2),
        scores(QUERIES * stride),
        distances(shape.n_distances ? QUERIES * distance_stride : 0),
        weights(QUERIES * stride),
        mixed(QUERIES * width) {}
  size_t stride, width, distance_stride;
  Memory<float> scores, distances;
  Memory<typename Kind::Element> weights;
  Memory<float> mixed;  // the result: QUERIES rows of `width`
};

// Softmax over positions 0 .. last, of `n` scores; returns the sum that the weights are over.
template <class Kind>
inline float soften(const float* scores, typename Kind::Element* weights, int n, int last, float scale) {
  const ints lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const floats nothing = spread(-__builtin_inff());
  const auto masked = [&](int i) { return lanes + i > last ? nothing : load(scores + i) * scale; };
  floats most = nothing;
  const int whole = (last + 1) / LANES * LANES;
  for (int i = 0; i < whole; i += LANES) most = larger(most, load(scores + i) * scale);
  if (whole <= last) most = larger(most, masked(whole));
  const floats top = spread(largest(most));
  floats total = {};
  for (int i = 0; i < n; i += LANES) {
    const floats weight = i > last ? floats{} : exponential(masked(i) - top);
    if constexpr (Kind::PER_LINE == 1) {
      store(weights + i, weight);
      total += weight;
    } else {
      const halves narrowed = narrow(weight);
      *reinterpret_cast<halves*>(weights + i) = narrowed;
      total += widen(narrowed);
    }
  }
  return sum(total);
}

// What one call of attend works on: a head of a layer, and the blocks of the text.
template <class Kind>
struct Head {
  const Cache<Kind>& cache;
  int layer, head;
  const int32_t* blocks;
  const Matrix* distances;  // null: none
  const char* keys(int block) const { return cache.keys(blocks[block], layer, head); }
  const char* values(int block) const { return cache.values(blocks[block], layer, head); }
};

inline void fetch_all(const char* from, size_t n) {
  for (size_t i = 0; i < n; i += LINE) fetch(from + i);
}

// The mean of the values of P panels of dimensions.
template <class Kind, int R, int P>
inline void mix_values(const Head<Kind>& from, int n_positions, int panel, const float (&sums)[R], AttentionScratch<Kind>& scratch) {
  const size_t stride = static_cast<size_t>(from.cache.value_lines()) * LINE;
  floats totals[R][P] = {};
  for (int first = 0, b = 0; first < n_positions; first += BLOCK, ++b) {
    const int n_lines = (std::min(BLOCK, n_positions - first) + Kind::PER_LINE - 1) / Kind::PER_LINE;
    multiply<Kind, Ahead::NOTHING, R, P>(totals, scratch.weights.data() + first, scratch.stride, from.values(b) + panel * stride, stride, n_lines);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) store(scratch.mixed.data() + r * scratch.width + (panel + p) * LANES, totals[r][p] / sums[r]);
}

// One token reads more than it computes. What comes behind a block's keys is fetched meanwhile: its
// values, and the keys of the next block, in this head or in the next one. (Behind the last head lies
// something else, or nothing: to fetch it does no harm.)
template <class Kind>
inline void fetch_next(const Head<Kind>& from, int block, int n_positions) {
  const size_t key_panel = static_cast<size_t>(from.cache.key_lines()) * LINE, value_panel = static_cast<size_t>(from.cache.value_lines()) * LINE;
  const int here = n_positions - block * BLOCK, behind = here - BLOCK;
  if (behind >= 0)
    fetch_all(from.values(block), 2 * key_panel);
  else
    for (size_t at = 0; at < 2 * key_panel; at += value_panel) fetch_all(from.values(block) + at, parts(here, Kind::PER_LINE) * LINE);
  if (behind > 0)
    fetch_all(from.keys(block + 1), behind > LANES ? 2 * key_panel : key_panel);
  else
    fetch_all(from.cache.keys(from.blocks[0], from.layer, from.head + 1), 2 * key_panel);
}

// The scores of P panels of 16 positions, or distances.
template <class Kind, int R, int P>
inline void score_keys(const char* keys, size_t panel_stride, int n_lines, const typename Kind::Element* queries, size_t query_stride, float* to, size_t stride) {
  floats totals[R][P] = {};
  multiply<Kind, Ahead::NOTHING, R, P>(totals, queries, query_stride, keys, panel_stride, n_lines);
  put<R, P>(totals, to, stride);
}

// Adds to each score the term of its distance. Vector n - 1 - d is for keys d positions before the
// query, the first also for those farther away: products with neighbours lie as the scores do.
template <class Kind, int R>
inline void add_distances(const Head<Kind>& from, int first_position, const typename Kind::Element* queries, size_t query_stride, AttentionScratch<Kind>& scratch) {
  const Matrix& vectors = *from.distances;
  const int n = vectors.n_outputs, n_lines = from.cache.key_lines();
  for (int panel = std::max(0, n - first_position - R) / LANES; panel < vectors.n_panels; ++panel)
    score_keys<Kind, R, 1>(vectors.panel(panel), vectors.stride, n_lines, queries, query_stride, scratch.distances.data() + panel * LANES, scratch.distance_stride);
  for (int r = 0; r < R; ++r) {
    const int last = first_position + r, far = std::max(0, last + 1 - n);
    const float* terms = scratch.distances.data() + r * scratch.distance_stride;
    float* scores = scratch.scores.data() + r * scratch.stride;
    for (int i = 0; i < far; ++i) scores[i] += terms[0];
    for (int i = far; i <= last; i += LANES) store(scores + i, load(scores + i) + load(terms + n - 1 - last + i));
  }
}

template <class Kind, int R>
void attend(const Head<Kind>& from, int first_position, const typename Kind::Element* queries, size_t query_stride, float scale, AttentionScratch<Kind>& scratch) {
  const int n_positions = first_position + R, n_lines = from.cache.key_lines();
  const size_t panel_stride = static_cast<size_t>(n_lines) * LINE;
  for (int first = 0, b = 0; first < n_positions; first += BLOCK, ++b) {
    if (R == 1) fetch_next(from, b, n_positions);
    float* scores = scratch.scores.data() + first;
    if (n_positions - first > LANES)
      score_keys<Kind, R, 2>(from.keys(b), panel_stride, n_lines, queries, query_stride, scores, scratch.stride);
    else
      score_keys<Kind, R, 1>(from.keys(b), panel_stride, n_lines, queries, query_stride, scores, scratch.stride);
  }
  if (from.distances) add_distances<Kind, R>(from, first_position, queries, query_stride, scratch);
  float sums[R];
  const int n = (n_positions + LANES - 1) / LANES * LANES;
  for (int r = 0; r < R; ++r)
    sums[r] = soften<Kind>(scratch.scores.data() + r * scratch.stride, scratch.weights.data() + r * scratch.stride, n, first_position + r, scale);
  constexpr int P = R <= 4 ? 4 : 1;
  int panel = 0;
  const int n_panels = static_cast<int>(scratch.width) / LANES;
  for (; panel + P <= n_panels; panel += P) mix_values<Kind, R, P>(from, n_positions, panel, sums, scratch);
  for (; panel < n_panels; ++panel) mix_values<Kind, R, 1>(from, n_positions, panel, sums, scratch);
}

template <class Kind, int R, class... Arguments>
void attend_some(int n, Arguments&&... arguments) {
  if constexpr (R > 0) {
    if (n == R) return attend<Kind, R>(arguments...);
    attend_some<Kind, R - 1>(n, arguments...);
  }
}

}  // namespace cutaway

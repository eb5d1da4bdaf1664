// Masked attention of a few neighbouring tokens of one text, in one head.
//
// All scores of a token are made first, then their softmax, then the mean of the values: two
// products over the tiles of the cache. Sums run over blocks, and in them over lanes, in the order
// of positions; what is masked adds zeros. So a token has the same bits alone or among others.
#pragma once

#include "cache.h"

namespace cutaway {

constexpr int QUERIES = 8;

template <class Kind>
struct AttentionScratch {
  explicit AttentionScratch(const Shape& shape)
      : stride(rounded(shape.n_ctx, BLOCK)),
        width(rounded(shape.head_dim(), LANES)),
        scores(QUERIES * stride),
        weights(QUERIES * stride),
        mixed(QUERIES * width) {}
  size_t stride, width;
  Memory<float> scores;
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

template <class Kind, int R>
void attend(const Cache<Kind>& cache, int layer, int head, const int32_t* blocks, int first_position, const typename Kind::Element* queries, size_t query_stride, float scale, AttentionScratch<Kind>& scratch) {
  const int n_blocks = (first_position + R - 1) / BLOCK + 1, n = n_blocks * BLOCK;
  const size_t key_stride = static_cast<size_t>(cache.key_lines()) * LINE, value_stride = static_cast<size_t>(cache.value_lines()) * LINE;
  for (int b = 0; b < n_blocks; ++b) {
    floats totals[R][2] = {};
    multiply<Kind, R, 2>(totals, queries, query_stride, cache.keys(blocks[b], layer, head), key_stride, cache.key_lines());
    put<R, 2>(totals, scratch.scores.data() + b * BLOCK, scratch.stride);
  }
  float sums[R];
  for (int r = 0; r < R; ++r)
    sums[r] = soften<Kind>(scratch.scores.data() + r * scratch.stride, scratch.weights.data() + r * scratch.stride, n, first_position + r, scale);
  for (size_t dim = 0; dim < scratch.width; dim += LANES) {
    floats totals[R][1] = {};
    for (int b = 0; b < n_blocks; ++b)
      multiply<Kind, R, 1>(totals, scratch.weights.data() + b * BLOCK, scratch.stride, cache.values(blocks[b], layer, head) + dim / LANES * value_stride, value_stride, cache.value_lines());
    for (int r = 0; r < R; ++r) store(scratch.mixed.data() + r * scratch.width + dim, totals[r][0] / sums[r]);
  }
}

template <class Kind, int R, class... Arguments>
void attend_some(int n, Arguments&&... arguments) {
  if constexpr (R > 0) {
    if (n == R) return attend<Kind, R>(arguments...);
    attend_some<Kind, R - 1>(n, arguments...);
  }
}

}  // namespace cutaway

// What is to be computed: tensors, and how they lie in memory. The C side of kernel.py's structures.
#pragma once

#include "dropout.h"
#include "pack.h"

namespace cutaway {

// (B, H, T, K), with K together; strides in elements.
struct Tensor {
  void* data;
  int64_t batch, head, row;
};

struct Problem {
  Tensor q, k, v, out, out_grad, q_grad, k_grad, v_grad;
  Tensor relative;       // (B, H, R, K): of distances R - 1 to 0
  Tensor relative_grad;  // the same, in float32
  float* log_sums;        // (B, H, T): of each query's exponentials, to the base 2
  const int32_t* starts;  // (B, T): the first key that each query sees; null: 0
  uint64_t seed;
  int32_t n_batch, n_head, n_query, width;
  float dropout;
  int32_t n_threads;
  int32_t n_relative;  // R; 0: scores know nothing of distances

  int n_heads() const { return n_batch * n_head; }
  template <class Element>
  Rows<Element> rows(const Tensor& of, int index) const {
    return {static_cast<Element*>(of.data) + index / n_head * of.batch + index % n_head * of.head, of.row, n_query, width};
  }
  template <class Element>
  Band<Element> band(int index, int reach) const {
    Element* first = static_cast<Element*>(relative.data) + index / n_head * relative.batch + index % n_head * relative.head;
    return {first + (n_relative - 1) * relative.row, relative.row, n_relative, reach, reach + 1, width};
  }
  float* relative_grad_of(int index) const { return static_cast<float*>(relative_grad.data) + index / n_head * relative_grad.batch + index % n_head * relative_grad.head; }
  float* log_sums_of(int index) const { return log_sums + static_cast<size_t>(index) * n_query; }
  const int32_t* starts_of(int index) const { return starts ? starts + static_cast<size_t>(index / n_head) * n_query : nullptr; }
  Dropout dropout_of(int index) const { return {dropout, seed, index}; }
  // What a product of a query and a key is multiplied with, so that 2 to the power of it is the
  // weight before it is divided by the sum.
  float factor() const { return 1.44269504088896341f / __builtin_sqrtf(static_cast<float>(width)); }
};

constexpr int GROUP = PANELS * LANES;  // queries that are looked at together

// The keys that the queries of a group see: none before `least` or behind the last query, all from `most`
// to the first query.
struct Sight {
  ints starts[PANELS];
  int first, last, least, most;

  Sight(const int32_t* from, int first_query, int n_query) : first(first_query), last(std::min(first_query + GROUP, n_query) - 1), least(from ? first_query : 0), most(0) {
    for (int i = 0; i < GROUP; ++i) {
      const int start = from ? from[std::min(first_query + i, n_query - 1)] : 0;
      starts[i / LANES][i % LANES] = start;
      least = std::min(least, start);
      most = std::max(most, start);
    }
  }
  bool is_whole(int key, int n) const { return key >= most && key + n - 1 <= first; }
  // Minus infinity in the lanes of panel p that do not see `key`.
  floats masked(floats score, int p, int key) const {
    const ints queries = lane_numbers() + (first + p * LANES);
    const ints seen = (queries >= key) & (starts[p] <= key);
    return seen ? score : spread(-__builtin_inff());
  }
};

}  // namespace cutaway

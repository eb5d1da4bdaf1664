// What the threads share in a step, and what each has for itself.
#pragma once

#include "scoring.h"

namespace cutaway {

// The activations of a step, shared by all threads. `narrow`, `blend` and `wide` are the inputs of products.
template <class Kind>
struct Buffers {
  Buffers(const Shape& shape, Format format, int head_width)
      : query_stride(static_cast<size_t>(shape.n_head) * head_width),
        width(padded(shape.n_embd)),
        att(padded(shape.n_att)),
        inner(padded(shape.n_inner)),
        stream(MOST_ROWS * width),
        mixed(MOST_ROWS * att),
        hidden(MOST_ROWS * inner),
        queries(MOST_ROWS * query_stride),
        sums(static_cast<size_t>(MOST_ROWS) * parts(shape.vocab_size, SUMMED)),
        target_scores(MOST_ROWS),
        narrow(format, MOST_ROWS, shape.n_embd),
        blend(format, MOST_ROWS, shape.n_att),
        wide(format, MOST_ROWS, shape.n_inner) {}
  size_t query_stride, width, att, inner;
  Memory<float> stream, mixed;
  Memory<float> hidden;  // only where the product that makes it cannot round it
  Memory<typename Kind::Element> queries;
  Memory<PartialSum> sums;  // (rows, parts of the vocabulary)
  Memory<float> target_scores;
  Rows narrow, blend, wide;
};

template <class Kind>
struct Context {
  const Shape& shape;
  const Weights& weights;
  const Cache<Kind>& cache;
  Buffers<Kind>& buffers;
};

}  // namespace cutaway

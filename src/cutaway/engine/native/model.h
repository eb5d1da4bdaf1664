// The weights of a model and the step: tokens of some texts in, logits out.
#pragma once

#include <array>

#include "attention.h"
#include "team.h"

namespace cutaway {

struct Norm {
  Memory<float> gain, shift;
};
struct Linear {
  Matrix matrix;
  Memory<float> bias;
  Linear() = default;
  Linear(Format format, int n_outputs, int n_inputs)
      : matrix(format, n_outputs, n_inputs), bias(rounded(n_outputs, LANES)) {}
};
struct Block {
  Norm ln_1, ln_2;
  Linear attn, attn_proj, fc, fc_proj;
  std::vector<Matrix> distances;  // of each head: vectors for keys n - 1 positions before the query, to 0
};

struct Weights {
  Weights(const Shape& shape, Format format) : wte(format, shape.vocab_size, shape.n_embd) {
    const int D = shape.n_embd, A = shape.n_att, F = shape.n_inner;
    const size_t width = padded(D);
    wpe = Memory<float>(static_cast<size_t>(shape.n_ctx) * width);
    const auto norm = [&] { return Norm{Memory<float>(width), Memory<float>(width)}; };
    const Format plain = format == Format::FLOAT32 ? format : Format::BFLOAT16;  // as the cache's keys are
    for (int i = 0; i < shape.n_layer; ++i) {
      blocks.push_back({norm(), norm(), Linear(format, 3 * A, D), Linear(format, D, A), Linear(format, F, D), Linear(format, D, F), {}});
      for (int h = 0; h < shape.n_head && shape.n_distances; ++h) blocks.back().distances.emplace_back(plain, shape.n_distances, shape.head_dim());
    }
    ln_f = norm();
  }
  // Whether a piece of a product can round what the next product reads: it has all that a scale is made of.
  bool rounds_tiles() const { return rounding_of(wte.format) != Rounding::WIDE; }
  size_t n_bytes() const {
    size_t total = wte.n_bytes() + wpe.n_bytes();
    for (const Block& block : blocks) {
      for (const Linear* linear : {&block.attn, &block.attn_proj, &block.fc, &block.fc_proj})
        total += linear->matrix.n_bytes() + linear->bias.n_bytes();
      for (const Matrix& head : block.distances) total += head.n_bytes();
    }
    return total;
  }
  Matrix wte;
  Memory<float> wpe;  // rows padded with zeros
  std::vector<Block> blocks;
  Norm ln_f;
};

// Some new tokens of one text; its blocks hold the earlier ones and have room for these.
struct Piece {
  int first_row, n_new, start;
  const int32_t* blocks;
};

constexpr int MOST_ROWS = 512;    // tokens of one step
constexpr int TILE_ROWS = 96;     // tokens of one piece of a product
constexpr int TILE_PANELS = 64;   // panels of one piece of a product, at most
constexpr int ROUNDED_ROWS = 16;  // tokens of one piece of the work between products

// Layer norm of one row, to a padded row.
inline void normalise(const float* from, const Norm& norm, int n, float epsilon, float* to) {
  const int whole = n / LANES * LANES, rest = n - whole;
  floats total = {};
  for (int i = 0; i < whole; i += LANES) total += load(from + i);
  if (rest) total += first(load(from + whole), rest);
  const float mean = sum(total) / static_cast<float>(n);
  floats squares = {};
  for (int i = 0; i < whole; i += LANES) {
    const floats off = load(from + i) - mean;
    squares += off * off;
  }
  if (rest) {
    const floats off = first(load(from + whole) - mean, rest);
    squares += off * off;
  }
  const float scale = 1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(n) + epsilon);
  for (int i = 0; i < n; i += LANES)  // gain and shift are zero behind the end
    store(to + i, (load(from + i) - mean) * scale * load(norm.gain.data() + i) + load(norm.shift.data() + i));
}

// Numbers of the widest row that a thread works on, with the zeros that it is padded with.
inline int widest_row(const Shape& shape) { return padded(std::max({shape.n_embd, shape.n_att, shape.n_inner})); }

template <class Kind>
struct Scratch {
  Scratch(const Shape& shape, Format format, int thread)
      : thread(thread),
        tile(std::max(static_cast<size_t>(TILE_ROWS) * TILE_PANELS * LANES, static_cast<size_t>(ROUNDED_ROWS) * widest_row(shape))),
        line(std::max(widest_row(shape), 2 * TILE_ROWS)),
        narrow(format, ROUNDED_ROWS, shape.n_embd),
        blend(format, ROUNDED_ROWS, shape.n_att),
        wide(format, TILE_ROWS, shape.n_inner),
        attention(shape) {}
  int thread;
  Memory<float> tile, line;
  Rows narrow, blend, wide;
  AttentionScratch<Kind> attention;
};

}  // namespace cutaway

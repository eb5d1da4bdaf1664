// One step through the network: what a piece of each phase computes, and where that is kept.
//
// Products write floats, or rounded what the next product reads; the phases between them work on
// whole rows: layer norm, rounding. What a piece computes goes to its thread's scratch, and from
// there to its place when it is committed.
#pragma once

#include "buffers.h"

namespace cutaway {

template <class Kind>
class Step : public Plan {
 public:
  // What the caller gives; `blocks` are copied.
  void prepare(const Context<Kind>& context, int n_threads, const std::vector<Piece>& new_pieces, const int32_t* tokens, Wanted wanted) {
    context_ = &context;
    make(context.shape, context.weights, n_threads, new_pieces, tokens, std::move(wanted));
  }

  void compute(int p, int piece, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& from = context_->buffers;
    switch (work(p)) {
      case Work::EMBED: return embed(rows_of(piece, n_rows), scratch);
      case Work::NORM_1: return norm_rows(rows_of(piece, n_rows), block(p).ln_1, false, scratch);
      case Work::NORM_2: return norm_rows(rows_of(piece, n_rows), block(p).ln_2, false, scratch);
      case Work::NORM_F: return norm_rows(rows_of(piece, n_wanted()), context_->weights.ln_f, true, scratch);
      case Work::ROUND_MIXED: return round_rows(rows_of(piece, n_rows), from.mixed, scratch.blend);
      case Work::ROUND_HIDDEN: return round_rows(rows_of(piece, n_rows), from.hidden, scratch.wide);
      case Work::MIX: return mix(piece, layer(p), scratch);
      case Work::FC: return multiply_hidden(p, piece, scratch);
      case Work::SCORE: return multiply_scores(p, piece, scratch);
      case Work::JOIN: return;
      default: return multiply_tile(p, piece, scratch);
    }
  }

  void commit(int p, int piece, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& to = context_->buffers;
    switch (work(p)) {
      case Work::EMBED: return keep_embedded(rows_of(piece, n_rows), scratch);
      case Work::NORM_1:
      case Work::NORM_2: return copy_rows(rows_of(piece, n_rows), scratch.narrow, to.narrow);
      case Work::ROUND_MIXED: return copy_rows(rows_of(piece, n_rows), scratch.blend, to.blend);
      case Work::NORM_F: return copy_rows(rows_of(piece, n_wanted()), scratch.narrow, to.narrow);
      case Work::ROUND_HIDDEN: return copy_rows(rows_of(piece, n_rows), scratch.wide, to.wide);
      case Work::MIX: return keep_mixed(piece, scratch);
      case Work::ATTN: return keep_attn(p, piece, scratch);
      case Work::FC: return keep_hidden(p, piece, scratch);
      case Work::HEAD: return keep_tile(p, piece, scratch, wanted.logits, context_->shape.vocab_size);
      case Work::SCORE: return keep_sums(p, piece, scratch);
      case Work::JOIN: return join(rows_of(piece, n_wanted()));
      default: return add_tile(p, piece, scratch);
    }
  }

  // Fetches the first weights of the thread's share in the next product, while others are at work.
  void look_ahead(int p, const Scratch<Kind>& scratch) const {
    constexpr size_t FETCHED = 48 << 10;
    constexpr int AHEAD_ROWS = 4;  // of more, the products take longer than memory
    if (n_rows > AHEAD_ROWS) return;
    for (++p; p < n_phases && !is_product(p);) ++p;
    if (p == n_phases) return;
    const Tile tile = tile_of(p, phases[p].first_of(scratch.thread));
    const char* from = matrix(p).panel(tile.panels.first);
    for (size_t i = 0; i < std::min(FETCHED, 2 * matrix(p).stride); i += LINE) fetch(from + i);
  }

 private:
  void embed(Span rows, Scratch<Kind>& scratch) const {
    const Weights& weights = context_->weights;
    const size_t width = context_->buffers.width;
    for (int r = 0; r < rows.n; ++r) {
      float* to = scratch.tile.data() + r * width;
      std::memset(to, 0, width * sizeof(float));
      weights.wte.read(token_ids[rows.first + r], to);
      const float* place = weights.wpe.data() + places[rows.first + r].position * width;
      for (size_t i = 0; i < width; i += LANES) store(to + i, load(to + i) * context_->shape.token_scale + load(place + i));
    }
  }
  void keep_embedded(Span rows, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& to = context_->buffers;
    std::memcpy(to.stream.data() + rows.first * to.width, scratch.tile.data(), rows.n * to.width * sizeof(float));
  }

  void norm_rows(Span rows, const Norm& norm, bool only_wanted, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& from = context_->buffers;
    for (int r = 0; r < rows.n; ++r) {
      const int row = only_wanted ? wanted.rows[rows.first + r] : rows.first + r;
      normalise(from.stream.data() + row * from.width, norm, context_->shape.n_embd, context_->shape.epsilon, scratch.line.data());
      for (size_t i = rounded(context_->shape.n_embd, LANES); i < from.width; ++i) scratch.line[i] = 0.0f;
      round_row(scratch.line.data(), scratch.narrow, scratch.narrow[r]);
    }
  }
  void round_rows(Span rows, const Memory<float>& from, const Rows& to) const {
    for (int r = 0; r < rows.n; ++r) round_row(from.data() + static_cast<size_t>(rows.first + r) * to.width, to, to[r]);
  }
  static void copy_rows(Span rows, const Rows& from, const Rows& to) {
    std::memcpy(to[rows.first].cells, from[0].cells, rows.n * from.stride());
  }

  void mix(int piece, int layer, Scratch<Kind>& scratch) const {
    const Tokens& tokens = tokens_of(piece);
    const Span heads = heads_of(piece);
    const Buffers<Kind>& from = context_->buffers;
    const int K = context_->shape.head_dim();
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(K));
    for (int head = heads.first; head < heads.first + heads.n; ++head) {
      const auto* queries = from.queries.data() + tokens.first_row * from.query_stride + head * context_->cache.head_width();
      const std::vector<Matrix>& distances = context_->weights.blocks[layer].distances;
      const Head<Kind> keys{context_->cache, layer, head, tokens.blocks, distances.empty() ? nullptr : &distances[head]};
      attend_some<Kind, QUERIES>(tokens.n, keys, tokens.position, queries, from.query_stride, scale, scratch.attention);
      for (int r = 0; r < tokens.n; ++r)
        std::memcpy(scratch.tile.data() + (r * heads.n + head - heads.first) * K, scratch.attention.mixed.data() + r * scratch.attention.width, K * sizeof(float));
    }
  }
  void keep_mixed(int piece, Scratch<Kind>& scratch) const {
    const Tokens& tokens = tokens_of(piece);
    const Span heads = heads_of(piece);
    const Buffers<Kind>& to = context_->buffers;
    const size_t K = context_->shape.head_dim(), n = heads.n * K;
    for (int r = 0; r < tokens.n; ++r)
      std::memcpy(to.mixed.data() + (tokens.first_row + r) * to.att + heads.first * K, scratch.tile.data() + r * n, n * sizeof(float));
  }

  const Rows& inputs(int p) const {
    const Buffers<Kind>& from = context_->buffers;
    return work(p) == Work::FC_PROJ ? from.wide : work(p) == Work::ATTN_PROJ ? from.blend : from.narrow;
  }

  // A tile of a product, with its bias, to rows of n_columns() floats.
  void multiply_tile(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const int stride = tile.n_columns();
    const Rows& rows = inputs(p);
    float* to = scratch.tile.data();
    product(matrix(p), rows, tile.rows.first, tile.rows.n, tile.panels.first, tile.panels.n, to, stride);
    if (!bias(p)) return;
    const float* shifts = bias(p) + tile.first_column();
    for (int r = 0; r < tile.rows.n; ++r, to += stride)
      for (int i = 0; i < stride; i += LANES) store(to + i, load(to + i) + load(shifts + i));
  }

  // What the MLP's second product reads: curved, and rounded where that can be done here.
  void multiply_hidden(int p, int piece, Scratch<Kind>& scratch) const {
    multiply_tile(p, piece, scratch);
    const Tile tile = tile_of(p, piece);
    float* row = scratch.tile.data();
    for (int r = 0; r < tile.rows.n; ++r, row += tile.n_columns()) {
      for (int i = 0; i < tile.n_columns(); i += LANES)
        store(row + i, context_->shape.rectifies ? larger(load(row + i), floats{}) : gelu(load(row + i)));
      if (context_->weights.rounds_tiles()) round_inputs(row, tile.first_column(), tile.n_columns(), scratch.wide, scratch.wide[r]);
    }
  }
  void keep_hidden(int p, int piece, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& to = context_->buffers;
    if (!context_->weights.rounds_tiles()) return keep_tile(p, piece, scratch, to.hidden.data(), to.inner);
    const Tile tile = tile_of(p, piece);
    for (int r = 0; r < tile.rows.n; ++r)
      copy_inputs(tile.first_column(), tile.n_columns(), to.wide, scratch.wide[r], to.wide[tile.rows.first + r]);
  }

  int real_columns(int p, const Tile& tile) const { return std::min(tile.n_columns(), matrix(p).n_outputs - tile.first_column()); }

  // Writes a tile to rows of `stride` floats.
  void keep_tile(int p, int piece, Scratch<Kind>& scratch, float* to, size_t stride) const {
    const Tile tile = tile_of(p, piece);
    const size_t n_bytes = real_columns(p, tile) * sizeof(float);
    for (int r = 0; r < tile.rows.n; ++r)
      std::memcpy(to + (tile.rows.first + r) * stride + tile.first_column(), scratch.tile.data() + static_cast<size_t>(r) * tile.n_columns(), n_bytes);
  }
  // Adds a tile to the residual stream.
  void add_tile(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const Buffers<Kind>& to = context_->buffers;
    const int n = real_columns(p, tile);
    const float* from = scratch.tile.data();
    for (int r = 0; r < tile.rows.n; ++r, from += tile.n_columns()) {
      float* row = to.stream.data() + (tile.rows.first + r) * to.width + tile.first_column();
      int i = 0;
      for (; i + LANES <= n; i += LANES) store(row + i, load(row + i) + load(from + i));
      for (; i < n; ++i) row[i] += from[i];
    }
  }

  // The scores of a part of the vocabulary, and what keep_sums wants to know of each row.
  void multiply_scores(int p, int piece, Scratch<Kind>& scratch) const {
    multiply_tile(p, piece, scratch);
    const Tile tile = tile_of(p, piece);
    for (int r = 0; r < tile.rows.n; ++r) {
      const PartialSum sum = add_up(scratch.tile.data() + static_cast<size_t>(r) * tile.n_columns(), real_columns(p, tile));
      scratch.line[2 * r] = sum.largest;
      scratch.line[2 * r + 1] = sum.sum;
    }
  }
  void keep_sums(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const int n_parts = parts(context_->shape.vocab_size, SUMMED);
    for (int r = 0; r < tile.rows.n; ++r) {
      const int row = tile.rows.first + r, target = wanted.targets[row] - tile.first_column();
      context_->buffers.sums[static_cast<size_t>(row) * n_parts + tile.first_column() / SUMMED] = {scratch.line[2 * r], scratch.line[2 * r + 1]};
      if (target >= 0 && target < tile.n_columns())
        context_->buffers.target_scores[row] = scratch.tile[static_cast<size_t>(r) * tile.n_columns() + target];
    }
  }
  void join(Span rows) const {
    const Buffers<Kind>& from = context_->buffers;
    const int n_parts = parts(context_->shape.vocab_size, SUMMED);
    for (int row = rows.first; row < rows.first + rows.n; ++row)
      wanted.logprobs[row] = log_probability(from.target_scores[row], from.sums.data() + static_cast<size_t>(row) * n_parts, n_parts);
  }

  // Sixteen columns of the product that makes queries, keys and values, or one where heads are no whole
  // vectors: of one part and one head, from `dim` on.
  struct Columns {
    int first, part, head, dim;
  };
  template <class Do>
  void for_columns(const Tile& tile, Do do_columns) const {
    const int A = context_->shape.n_att, K = context_->shape.head_dim();
    const int each = K % LANES == 0 ? LANES : 1, first = tile.first_column(), end = std::min(first + tile.n_columns(), 3 * A);
    for (int c = first; c < end; c += each) do_columns(Columns{c - first, c / A, c % A / K, c % A % K});
  }

  // Queries to their buffer, keys and values to the cache.
  void keep_attn(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const int stride = tile.n_columns();
    const Cache<Kind>& cache = context_->cache;
    const Buffers<Kind>& to = context_->buffers;
    const int i_layer = layer(p);
    const bool whole = context_->shape.head_dim() % LANES == 0;
    using Vector = typename Kind::Lanes;
    for_columns(tile, [&](const Columns& columns) {
      const float* from = scratch.tile.data() + columns.first;
      for (int r = 0; r < tile.rows.n; ++r, from += stride) {
        const int row = tile.rows.first + r;
        const Place& place = places[row];
        auto* query = to.queries.data() + row * to.query_stride + columns.head * cache.head_width() + columns.dim;
        char *keys = cache.keys(place.block, i_layer, columns.head), *values = cache.values(place.block, i_layer, columns.head);
        if (!whole)
          columns.part == 0 ? void(*query = Kind::narrowed(*from)) : columns.part == 1 ? cache.put_key(keys, place.slot, columns.dim, *from) : cache.put_value(values, place.slot, columns.dim, *from);
        else if (columns.part == 0)
          reinterpret_cast<Vector&>(*query) = Kind::narrowed(load(from));
        else if (columns.part == 1)
          cache.put_key(keys, place.slot, columns.dim, load(from));
        else
          cache.put_value(values, place.slot, columns.dim, load(from));
      }
    });
  }

  const Context<Kind>* context_ = nullptr;
};

}  // namespace cutaway

// One step through the network as phases of independent pieces (see team.h).
//
// Products write floats; the phases between them work on whole rows: layer norm, rounding. What a
// piece computes goes to its thread's scratch, and from there to its place when it is committed.
#pragma once

#include "model.h"

namespace cutaway {

// The activations of a step, shared by all threads.
template <class Kind>
struct Buffers {
  Buffers(const Shape& shape, Format format, int head_width)
      : query_stride(static_cast<size_t>(shape.n_head) * head_width),
        width(padded(shape.n_embd)),
        inner(padded(shape.n_inner())),
        stream(MOST_ROWS * width),
        mixed(MOST_ROWS * width),
        hidden(MOST_ROWS * inner),
        queries(MOST_ROWS * query_stride),
        narrow(format, MOST_ROWS, shape.n_embd),
        wide(format, MOST_ROWS, shape.n_inner()) {}
  size_t query_stride, width, inner;
  Memory<float> stream, mixed, hidden;
  Memory<typename Kind::Element> queries;
  Rows narrow, wide;
};

template <class Kind>
struct Context {
  const Shape& shape;
  const Weights& weights;
  const Cache<Kind>& cache;
  Buffers<Kind>& buffers;
};

template <class Kind>
struct Step {
  enum Work : uint8_t { EMBED, NORM_1, ATTN, MIX, ROUND_MIXED, ATTN_PROJ, NORM_2, FC, ROUND_HIDDEN, FC_PROJ, NORM_F, HEAD };
  static constexpr int PER_LAYER = 9;
  struct Tokens {  // up to QUERIES neighbouring tokens of one text
    int first_row, n, position;
    const int32_t* blocks;
  };

  // What the caller gives; `blocks` are copied.
  void prepare(const Context<Kind>& context, int n_threads, std::vector<Piece> new_pieces, const int32_t* tokens, std::vector<int> wanted_rows, float* to) {
    context_ = &context;
    wanted_ = std::move(wanted_rows);
    logits_ = to;
    n_rows_ = 0;
    groups_.clear();
    positions_.clear();
    tables_.clear();
    for (const Piece& piece : new_pieces) tables_.emplace_back(piece.blocks, piece.blocks + (piece.start + piece.n_new - 1) / BLOCK + 1);
    for (size_t i = 0; i < new_pieces.size(); ++i) {
      const Piece& piece = new_pieces[i];
      for (int j = 0; j < piece.n_new; ++j) positions_.push_back({piece.start + j, static_cast<int>(i)});
      for (int j = 0; j < piece.n_new; j += QUERIES)
        groups_.push_back({n_rows_ + j, std::min(QUERIES, piece.n_new - j), piece.start + j, tables_[i].data()});
      n_rows_ += piece.n_new;
    }
    tokens_.assign(tokens, tokens + n_rows_);
    plan(n_threads);
  }

  void compute(int p, int piece, Scratch<Kind>& scratch) const {
    const Work work = works_[p];
    switch (work) {
      case EMBED: return embed(rows_of(piece, n_rows_), scratch);
      case NORM_1: return norm_rows(rows_of(piece, n_rows_), block(p).ln_1, false, scratch);
      case NORM_2: return norm_rows(rows_of(piece, n_rows_), block(p).ln_2, false, scratch);
      case NORM_F: return norm_rows(rows_of(piece, n_wanted()), context_->weights.ln_f, true, scratch);
      case ROUND_MIXED: return round_rows(rows_of(piece, n_rows_), context_->buffers.mixed, scratch.narrow);
      case ROUND_HIDDEN: return round_rows(rows_of(piece, n_rows_), context_->buffers.hidden, scratch.wide);
      case MIX: return mix(piece, layer(p), scratch);
      default: return multiply_tile(p, piece, scratch);
    }
  }

  void commit(int p, int piece, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& to = context_->buffers;
    const Work work = works_[p];
    switch (work) {
      case EMBED: {
        const Span rows = rows_of(piece, n_rows_);
        std::memcpy(to.stream.data() + rows.first * to.width, scratch.tile.data(), rows.n * to.width * sizeof(float));
        return;
      }
      case NORM_1:
      case NORM_2:
      case ROUND_MIXED: return copy_rows(rows_of(piece, n_rows_), scratch.narrow, to.narrow);
      case NORM_F: return copy_rows(rows_of(piece, n_wanted()), scratch.narrow, to.narrow);
      case ROUND_HIDDEN: return copy_rows(rows_of(piece, n_rows_), scratch.wide, to.wide);
      case MIX: {
        const Tokens& tokens = groups_[piece / context_->shape.n_head];
        const int head = piece % context_->shape.n_head, K = context_->shape.head_dim();
        for (int r = 0; r < tokens.n; ++r)
          std::memcpy(to.mixed.data() + (tokens.first_row + r) * to.width + head * K, scratch.attention.mixed.data() + r * scratch.attention.width, K * sizeof(float));
        return;
      }
      case ATTN: return keep_attn(p, piece, scratch);
      case FC: return keep_tile(p, piece, scratch, to.hidden.data(), to.inner, false);
      case HEAD: return keep_tile(p, piece, scratch, logits_, context_->shape.vocab_size, false);
      default: return keep_tile(p, piece, scratch, to.stream.data(), to.width, true);
    }
  }

  std::vector<Phase> phases;
  int n_phases = 0;

 private:
  struct Span {
    int first, n;
  };
  struct Tile {
    Span rows, panels;
  };
  struct Cut {  // how a product is cut into pieces
    int rows, panels;
  };
  struct Place {
    int position, text;
  };

  int n_wanted() const { return static_cast<int>(wanted_.size()); }
  int layer(int p) const { return (p - 1) / PER_LAYER; }
  const Block& block(int p) const { return context_->weights.blocks[layer(p)]; }

  void plan(int n_threads) {
    const int n_layer = context_->shape.n_layer;
    n_phases = 1 + PER_LAYER * n_layer + (wanted_.empty() ? 0 : 2);
    if (static_cast<int>(phases.size()) < n_phases) {
      phases = std::vector<Phase>(n_phases);
      works_.resize(n_phases);
      cuts_.resize(n_phases);
    }
    rows_each_ = std::clamp(n_rows_ / (4 * n_threads), 1, ROUNDED_ROWS);
    for (int p = 0; p < n_phases; ++p) {
      works_[p] = p == 0 ? EMBED : p <= PER_LAYER * n_layer ? static_cast<Work>(NORM_1 + (p - 1) % PER_LAYER) : p == n_phases - 1 ? HEAD : NORM_F;
      phases[p].reset(count_pieces(p, n_threads));
    }
  }

  int count_pieces(int p, int n_threads) {
    const auto spans = [&](int n) { return (n + rows_each_ - 1) / rows_each_; };
    switch (works_[p]) {
      case EMBED:
      case NORM_1:
      case NORM_2:
      case ROUND_MIXED:
      case ROUND_HIDDEN: return spans(n_rows_);
      case NORM_F: return spans(n_wanted());
      case MIX: return static_cast<int>(groups_.size()) * context_->shape.n_head;
      default: break;
    }
    const Matrix& matrix = linear(p);
    const int n = works_[p] == HEAD ? n_wanted() : n_rows_;
    const int rows = std::min(n, TILE_ROWS);
    // Enough work for a claim to cost nothing, little enough for threads to end together.
    const double work = std::max(static_cast<double>(matrix.stride), rows * static_cast<double>(matrix.width) * LANES / 12);
    int panels = std::clamp(static_cast<int>(100'000 / work), 1, TILE_PANELS);
    panels = std::min(panels, std::max(1, matrix.n_panels / (2 * n_threads)));
    if (panels > 1) panels -= panels % (n == 1 && panels >= 4 ? 4 : 2);
    cuts_[p] = {rows, panels};
    return ((n + rows - 1) / rows) * ((matrix.n_panels + panels - 1) / panels);
  }

  const Matrix& linear(int p) const {
    switch (works_[p]) {
      case ATTN: return block(p).attn.matrix;
      case ATTN_PROJ: return block(p).attn_proj.matrix;
      case FC: return block(p).fc.matrix;
      case FC_PROJ: return block(p).fc_proj.matrix;
      default: return context_->weights.wte;
    }
  }
  const float* bias(int p) const {
    switch (works_[p]) {
      case ATTN: return block(p).attn.bias.data();
      case ATTN_PROJ: return block(p).attn_proj.bias.data();
      case FC: return block(p).fc.bias.data();
      case FC_PROJ: return block(p).fc_proj.bias.data();
      default: return nullptr;
    }
  }

  Span rows_of(int piece, int n) const { return {piece * rows_each_, std::min(rows_each_, n - piece * rows_each_)}; }

  // Neighbouring pieces share their panels, so that panels come from memory once.
  Tile tile_of(int p, int piece) const {
    const Cut& cut = cuts_[p];
    const int n = works_[p] == HEAD ? n_wanted() : n_rows_, n_spans = (n + cut.rows - 1) / cut.rows;
    const int row = piece % n_spans * cut.rows, panel = piece / n_spans * cut.panels;
    return {{row, std::min(cut.rows, n - row)}, {panel, std::min(cut.panels, linear(p).n_panels - panel)}};
  }

  void embed(Span rows, Scratch<Kind>& scratch) const {
    const Weights& weights = context_->weights;
    const size_t width = context_->buffers.width;
    for (int r = 0; r < rows.n; ++r) {
      float* to = scratch.tile.data() + r * width;
      std::memset(to, 0, width * sizeof(float));
      weights.wte.read(tokens_[rows.first + r], to);
      const float* place = weights.wpe.data() + positions_[rows.first + r].position * width;
      for (size_t i = 0; i < width; i += LANES) store(to + i, load(to + i) + load(place + i));
    }
  }

  void norm_rows(Span rows, const Norm& norm, bool only_wanted, Scratch<Kind>& scratch) const {
    const Buffers<Kind>& from = context_->buffers;
    for (int r = 0; r < rows.n; ++r) {
      const int row = only_wanted ? wanted_[rows.first + r] : rows.first + r;
      normalise(from.stream.data() + row * from.width, norm, context_->shape.n_embd, context_->shape.epsilon, scratch.line.data());
      for (size_t i = rounded(context_->shape.n_embd, LANES); i < from.width; ++i) scratch.line[i] = 0.0f;
      round_row(scratch.line.data(), scratch.narrow, scratch.narrow[r]);
    }
  }

  void round_rows(Span rows, const Memory<float>& from, const Rows& to) const {
    for (int r = 0; r < rows.n; ++r) round_row(from.data() + static_cast<size_t>(rows.first + r) * to.width, to, to[r]);
  }

  static void copy_rows(Span rows, const Rows& from, const Rows& to) {
    for (int r = 0; r < rows.n; ++r) copy_row(from, from[r], to[rows.first + r]);
  }

  void mix(int piece, int layer, Scratch<Kind>& scratch) const {
    const Shape& shape = context_->shape;
    const Tokens& tokens = groups_[piece / shape.n_head];
    const int head = piece % shape.n_head;
    const Buffers<Kind>& from = context_->buffers;
    const auto* queries = from.queries.data() + tokens.first_row * from.query_stride + head * context_->cache.head_width();
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(shape.head_dim()));
    attend_some<Kind, QUERIES>(tokens.n, context_->cache, layer, head, tokens.blocks, tokens.position, queries, from.query_stride, scale, scratch.attention);
  }

  void multiply_tile(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const Matrix& matrix = linear(p);
    const size_t stride = static_cast<size_t>(tile.panels.n) * LANES;
    float* to = scratch.tile.data();
    const Rows& rows = works_[p] == FC_PROJ ? context_->buffers.wide : context_->buffers.narrow;
    product(matrix, rows, tile.rows.first, tile.rows.n, tile.panels.first, tile.panels.n, to, stride);
    const float* shifts = bias(p);
    if (!shifts) return;
    shifts += tile.panels.first * LANES;
    const bool curved = works_[p] == FC;
    for (int r = 0; r < tile.rows.n; ++r, to += stride)
      for (size_t i = 0; i < stride; i += LANES) {
        const floats value = load(to + i) + load(shifts + i);
        store(to + i, curved ? gelu(value) : value);
      }
  }

  // Writes a tile to rows of `stride` floats, or adds it to them.
  void keep_tile(int p, int piece, Scratch<Kind>& scratch, float* to, size_t stride, bool add) const {
    const Tile tile = tile_of(p, piece);
    const int column = tile.panels.first * LANES, n_columns = std::min(tile.panels.n * LANES, linear(p).n_outputs - column);
    const float* from = scratch.tile.data();
    for (int r = 0; r < tile.rows.n; ++r, from += tile.panels.n * LANES) {
      float* row = to + (tile.rows.first + r) * stride + column;
      if (!add) {
        std::memcpy(row, from, n_columns * sizeof(float));
        continue;
      }
      int i = 0;
      for (; i + LANES <= n_columns; i += LANES) store(row + i, load(row + i) + load(from + i));
      for (; i < n_columns; ++i) row[i] += from[i];
    }
  }

  // Queries to their buffer, keys and values to the cache.
  void keep_attn(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const Cache<Kind>& cache = context_->cache;
    const Buffers<Kind>& to = context_->buffers;
    const int D = context_->shape.n_embd, K = context_->shape.head_dim(), i_layer = layer(p);
    const int column = tile.panels.first * LANES, end = std::min(column + tile.panels.n * LANES, 3 * D);
    const float* from = scratch.tile.data();
    for (int r = 0; r < tile.rows.n; ++r, from += tile.panels.n * LANES) {
      const int row = tile.rows.first + r, position = positions_[row].position, slot = position % BLOCK;
      const int32_t block = tables_[positions_[row].text][position / BLOCK];
      for (int c = column; c < end;) {
        const int part = c / D, head = c % D / K, dim = c % D % K, n = std::min(end - c, K - dim);
        const float* numbers = from + (c - column);
        if (part == 0) {
          auto* query = to.queries.data() + row * to.query_stride + head * cache.head_width() + dim;
          for (int i = 0; i < n; ++i) query[i] = Kind::narrowed(numbers[i]);
        } else if (part == 1) {
          char* keys = cache.keys(block, i_layer, head);
          for (int i = 0; i < n; ++i) cache.put_key(keys, slot, dim + i, numbers[i]);
        } else {
          char* values = cache.values(block, i_layer, head);
          for (int i = 0; i < n; ++i) cache.put_value(values, slot, dim + i, numbers[i]);
        }
        c += n;
      }
    }
  }

  const Context<Kind>* context_ = nullptr;
  std::vector<Tokens> groups_;
  std::vector<Place> positions_;
  std::vector<std::vector<int32_t>> tables_;
  std::vector<int32_t> tokens_;
  std::vector<int> wanted_;
  std::vector<Work> works_;
  std::vector<Cut> cuts_;
  float* logits_ = nullptr;
  int n_rows_ = 0, rows_each_ = 1;
};

}  // namespace cutaway

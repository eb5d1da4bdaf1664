// One step through the network as phases of independent pieces (see team.h).
//
// Products write floats; the phases between them work on whole rows: layer norm, rounding. What a
// piece computes goes to its thread's scratch, and from there to its place when it is committed.
#pragma once

#include "model.h"

namespace cutaway {

constexpr int SUMMED = 1024;  // scores of one row that one piece adds up

// Of some scores of a row: the largest, and the sum of exp(score - largest).
struct PartialSum {
  float largest, sum;
};

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
        sums(static_cast<size_t>(MOST_ROWS) * parts(shape.vocab_size, SUMMED)),
        target_scores(MOST_ROWS),
        narrow(format, MOST_ROWS, shape.n_embd),
        wide(format, MOST_ROWS, shape.n_inner()) {}
  size_t query_stride, width, inner;
  Memory<float> stream, mixed, hidden;
  Memory<typename Kind::Element> queries;
  Memory<PartialSum> sums;  // (rows, parts of the vocabulary)
  Memory<float> target_scores;
  Rows narrow, wide;
};

// What is wanted behind some tokens: all logits, or the log-probability of one token each.
struct Wanted {
  std::vector<int> rows;
  float* logits;
  const int32_t* targets;  // null: logits
  double* logprobs;
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
  enum Work : uint8_t { EMBED, NORM_1, ATTN, MIX, ROUND_MIXED, ATTN_PROJ, NORM_2, FC, ROUND_HIDDEN, FC_PROJ, NORM_F, HEAD, SCORE, JOIN };
  static constexpr int PER_LAYER = 9;
  struct Tokens {  // up to QUERIES neighbouring tokens of one text
    int first_row, n, position;
    const int32_t* blocks;
  };

  // What the caller gives; `blocks` are copied.
  void prepare(const Context<Kind>& context, int n_threads, std::vector<Piece> new_pieces, const int32_t* tokens, Wanted wanted) {
    context_ = &context;
    wanted_ = std::move(wanted);
    n_rows_ = 0;
    groups_.clear();
    positions_.clear();
    tables_.clear();
    for (const Piece& piece : new_pieces) tables_.emplace_back(piece.blocks, piece.blocks + (piece.start + piece.n_new - 1) / BLOCK + 1);
    for (size_t i = 0; i < new_pieces.size(); ++i) {
      const Piece& piece = new_pieces[i];
      for (int j = 0; j < piece.n_new; ++j) {
        const int position = piece.start + j;
        positions_.push_back({position, tables_[i][position / BLOCK], position % BLOCK});
      }
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
      case SCORE: return add_up(p, piece, scratch);
      case JOIN: return;
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
      case MIX: return keep_mixed(piece, scratch);
      case ATTN: return keep_attn(p, piece, scratch);
      case FC: return keep_tile(p, piece, scratch, to.hidden.data(), to.inner, false);
      case HEAD: return keep_tile(p, piece, scratch, wanted_.logits, context_->shape.vocab_size, false);
      case SCORE: return keep_sums(p, piece, scratch);
      case JOIN: return join(rows_of(piece, n_wanted()));
      default: return keep_tile(p, piece, scratch, to.stream.data(), to.width, true);
    }
  }

  // Fetches the first weights of the thread's share in the next product, while others are at work.
  void look_ahead(int p, const Scratch<Kind>& scratch) const {
    constexpr size_t FETCHED = 48 << 10;
    constexpr int AHEAD_ROWS = 4;  // of more, the products take longer than memory
    if (n_rows_ > AHEAD_ROWS) return;
    for (++p; p < n_phases && !is_product(p);) ++p;
    if (p == n_phases) return;
    const Matrix& matrix = linear(p);
    const int n_pieces = phases[p].size(), n_threads = n_threads_;
    const int piece = static_cast<int>(static_cast<int64_t>(n_pieces) * scratch.thread / n_threads);
    const char* from = matrix.panel(tile_of(p, piece).panels.first);
    for (size_t i = 0; i < std::min(FETCHED, 2 * matrix.stride); i += LINE) fetch(from + i);
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
  struct Place {  // of a token, and where the cache keeps it
    int position, block, slot;
  };

  int n_wanted() const { return static_cast<int>(wanted_.rows.size()); }
  int n_of(int p) const { return works_[p] >= NORM_F ? n_wanted() : n_rows_; }
  bool is_product(int p) const {
    const Work work = works_[p];
    return work == ATTN || work == ATTN_PROJ || work == FC || work == FC_PROJ || work == HEAD || work == SCORE;
  }
  int layer(int p) const { return (p - 1) / PER_LAYER; }
  const Block& block(int p) const { return context_->weights.blocks[layer(p)]; }

  void plan(int n_threads) {
    n_threads_ = n_threads;
    const int n_layer = context_->shape.n_layer;
    const std::vector<Work> ends = wanted_.rows.empty() ? std::vector<Work>{} : wanted_.targets ? std::vector<Work>{NORM_F, SCORE, JOIN} : std::vector<Work>{NORM_F, HEAD};
    const int n_blocks_end = 1 + PER_LAYER * n_layer;
    n_phases = n_blocks_end + static_cast<int>(ends.size());
    if (static_cast<int>(phases.size()) < n_phases) {
      phases = std::vector<Phase>(n_phases);
      works_.resize(n_phases);
      cuts_.resize(n_phases);
    }
    rows_each_ = std::clamp(n_rows_ / (4 * n_threads), 1, ROUNDED_ROWS);
    heads_each_ = std::clamp(static_cast<int>(groups_.size()) * context_->shape.n_head / (16 * n_threads), 1, context_->shape.n_head);
    if (groups_.size() > 64) heads_each_ = std::min(heads_each_, 2);
    for (int p = 0; p < n_phases; ++p) {
      works_[p] = p == 0 ? EMBED : p < n_blocks_end ? static_cast<Work>(NORM_1 + (p - 1) % PER_LAYER) : ends[p - n_blocks_end];
      phases[p].reset(count_pieces(p, n_threads), n_threads);
    }
  }

  int count_pieces(int p, int n_threads) {
    const int n = n_of(p);
    switch (works_[p]) {
      case EMBED:
      case NORM_1:
      case NORM_2:
      case ROUND_MIXED:
      case ROUND_HIDDEN:
      case NORM_F:
      case JOIN: return parts(n, rows_each_);
      case MIX: return static_cast<int>(groups_.size()) * parts(context_->shape.n_head, heads_each_);
      default: break;
    }
    const Matrix& matrix = linear(p);
    const int rows = std::min(n, TILE_ROWS);
    // Enough work for a claim to cost nothing, little enough for threads to end together.
    const double work = std::max(static_cast<double>(matrix.stride), rows * static_cast<double>(matrix.width) * LANES / 12);
    int panels = std::clamp(static_cast<int>((n == 1 ? 100'000 : 400'000) / work), 1, TILE_PANELS);
    panels = std::min(panels, std::max(1, matrix.n_panels / (2 * n_threads)));
    if (panels > 1) panels -= panels % (n == 1 && panels >= 4 ? 4 : 2);
    if (works_[p] == SCORE) panels = SUMMED / LANES;
    cuts_[p] = {rows, panels};
    return parts(n, rows) * parts(matrix.n_panels, panels);
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
    const int n = n_of(p), n_spans = parts(n, cut.rows);
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
      const int row = only_wanted ? wanted_.rows[rows.first + r] : rows.first + r;
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

  // The heads of a piece, of one group of tokens.
  Span heads_of(int piece) const {
    const int n_head = context_->shape.n_head, n_spans = parts(n_head, heads_each_);
    const int head = piece % n_spans * heads_each_;
    return {head, std::min(heads_each_, n_head - head)};
  }
  const Tokens& tokens_of(int piece) const { return groups_[piece / parts(context_->shape.n_head, heads_each_)]; }

  void mix(int piece, int layer, Scratch<Kind>& scratch) const {
    const Tokens& tokens = tokens_of(piece);
    const Span heads = heads_of(piece);
    const Buffers<Kind>& from = context_->buffers;
    const int K = context_->shape.head_dim();
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(K));
    for (int head = heads.first; head < heads.first + heads.n; ++head) {
      const auto* queries = from.queries.data() + tokens.first_row * from.query_stride + head * context_->cache.head_width();
      const Head<Kind> keys{context_->cache, layer, head, tokens.blocks};
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
      std::memcpy(to.mixed.data() + (tokens.first_row + r) * to.width + heads.first * K, scratch.tile.data() + r * n, n * sizeof(float));
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

  // The scores of a part of the vocabulary, and of each row what keep_sums wants to know of them.
  void add_up(int p, int piece, Scratch<Kind>& scratch) const {
    multiply_tile(p, piece, scratch);
    const Tile tile = tile_of(p, piece);
    const int n = std::min(tile.panels.n * LANES, context_->shape.vocab_size - tile.panels.first * LANES);
    for (int r = 0; r < tile.rows.n; ++r) {
      float* scores = scratch.tile.data() + static_cast<size_t>(r) * tile.panels.n * LANES;
      for (int i = n; i < tile.panels.n * LANES; ++i) scores[i] = -__builtin_inff();
      floats most = load(scores), total = {};
      for (int i = LANES; i < n; i += LANES) most = larger(most, load(scores + i));
      const float top = largest(most);
      for (int i = 0; i < n; i += LANES) total += exponential(load(scores + i) - top);
      scratch.line[2 * r] = top;
      scratch.line[2 * r + 1] = sum(total);
    }
  }

  void keep_sums(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const int first = tile.panels.first * LANES, n_parts = parts(context_->shape.vocab_size, SUMMED);
    for (int r = 0; r < tile.rows.n; ++r) {
      const int row = tile.rows.first + r, target = wanted_.targets[row] - first;
      context_->buffers.sums[static_cast<size_t>(row) * n_parts + first / SUMMED] = {scratch.line[2 * r], scratch.line[2 * r + 1]};
      if (target >= 0 && target < tile.panels.n * LANES)
        context_->buffers.target_scores[row] = scratch.tile[static_cast<size_t>(r) * tile.panels.n * LANES + target];
    }
  }

  void join(Span rows) const {
    const int n_parts = parts(context_->shape.vocab_size, SUMMED);
    for (int row = rows.first; row < rows.first + rows.n; ++row) {
      const PartialSum* parts = context_->buffers.sums.data() + static_cast<size_t>(row) * n_parts;
      float top = parts[0].largest;
      for (int i = 1; i < n_parts; ++i) top = std::max(top, parts[i].largest);
      double total = 0.0;
      for (int i = 0; i < n_parts; ++i) total += parts[i].sum * std::exp(static_cast<double>(parts[i].largest) - top);
      wanted_.logprobs[row] = static_cast<double>(context_->buffers.target_scores[row]) - top - std::log(total);
    }
  }

  // Sixteen columns of the product that makes queries, keys and values, or one where heads are no whole
  // vectors: of one part and one head, from `dim` on.
  struct Columns {
    int first, part, head, dim;
  };
  template <class Do>
  void for_columns(const Tile& tile, Do do_columns) const {
    const int D = context_->shape.n_embd, K = context_->shape.head_dim();
    const int each = K % LANES == 0 ? LANES : 1, first = tile.panels.first * LANES, end = std::min(first + tile.panels.n * LANES, 3 * D);
    for (int c = first; c < end; c += each) do_columns(Columns{c - first, c / D, c % D / K, c % D % K});
  }

  // Queries to their buffer, keys and values to the cache.
  void keep_attn(int p, int piece, Scratch<Kind>& scratch) const {
    const Tile tile = tile_of(p, piece);
    const size_t stride = static_cast<size_t>(tile.panels.n) * LANES;
    const Cache<Kind>& cache = context_->cache;
    const Buffers<Kind>& to = context_->buffers;
    const int i_layer = layer(p);
    const bool whole = context_->shape.head_dim() % LANES == 0;
    using Vector = typename Kind::Lanes;
    for_columns(tile, [&](const Columns& columns) {
      const float* from = scratch.tile.data() + columns.first;
      for (int r = 0; r < tile.rows.n; ++r, from += stride) {
        const int row = tile.rows.first + r;
        const Place& place = positions_[row];
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
  std::vector<Tokens> groups_;
  std::vector<Place> positions_;
  std::vector<std::vector<int32_t>> tables_;
  std::vector<int32_t> tokens_;
  Wanted wanted_{};
  std::vector<Work> works_;
  std::vector<Cut> cuts_;
  int n_rows_ = 0, rows_each_ = 1, heads_each_ = 1, n_threads_ = 1;
};

}  // namespace cutaway

// What a step reads, and how its work is cut into phases of independent pieces (see team.h).
#pragma once

#include "model.h"

namespace cutaway {

constexpr int SUMMED = 1024;  // scores of one row that one piece adds up

// What is wanted behind some tokens: all logits, or the log-probability of one token each.
struct Wanted {
  std::vector<int> rows;
  float* logits;
  const int32_t* targets;  // null: logits
  double* logprobs;
};

struct Span {
  int first, n;
};

// A piece of a product.
struct Tile {
  Span rows, panels;
  int first_column() const { return panels.first * LANES; }
  int n_columns() const { return panels.n * LANES; }
};

// Where a token stands in its text, and where the cache keeps it.
struct Place {
  int position, block, slot;
};

// Up to QUERIES neighbouring tokens of one text.
struct Tokens {
  int first_row, n, position;
  const int32_t* blocks;
};

enum class Work : uint8_t { EMBED, NORM_1, ATTN, MIX, ROUND_MIXED, ATTN_PROJ, NORM_2, FC, ROUND_HIDDEN, FC_PROJ, NORM_F, HEAD, SCORE, JOIN };

class Plan {
 public:
  // `blocks` of the pieces are copied.
  void make(const Shape& shape, const Weights& weights, int n_threads, const std::vector<Piece>& new_pieces, const int32_t* tokens, Wanted wanted) {
    shape_ = &shape;
    weights_ = &weights;
    n_threads_ = n_threads;
    this->wanted = std::move(wanted);
    take(new_pieces, tokens);
    cut();
  }

  std::vector<Phase> phases;
  int n_phases = 0, n_rows = 0;
  Wanted wanted{};
  std::vector<int32_t> token_ids;
  std::vector<Place> places;

  Work work(int p) const { return works_[p]; }
  int layer(int p) const { return (p - 1) / PER_LAYER; }
  const Block& block(int p) const { return weights_->blocks[layer(p)]; }
  int n_wanted() const { return static_cast<int>(wanted.rows.size()); }

  bool is_product(int p) const {
    switch (works_[p]) {
      case Work::ATTN:
      case Work::ATTN_PROJ:
      case Work::FC:
      case Work::FC_PROJ:
      case Work::HEAD:
      case Work::SCORE: return true;
      default: return false;
    }
  }
  const Matrix& matrix(int p) const {
    const Linear* linear = linear_of(p);
    return linear ? linear->matrix : weights_->wte;
  }
  // Null: none.
  const float* bias(int p) const {
    const Linear* linear = linear_of(p);
    return linear ? linear->bias.data() : nullptr;
  }

  // The rows of a piece of the work between products, of `n`.
  Span rows_of(int piece, int n) const { return {piece * rows_each_, std::min(rows_each_, n - piece * rows_each_)}; }

  // Neighbouring pieces share their panels, so that panels come from memory once.
  Tile tile_of(int p, int piece) const {
    const Cut& cut = cuts_[p];
    const int n = n_of(p), n_spans = parts(n, cut.rows);
    const int row = piece % n_spans * cut.rows, panel = piece / n_spans * cut.panels;
    return {{row, std::min(cut.rows, n - row)}, {panel, std::min(cut.panels, matrix(p).n_panels - panel)}};
  }

  // The heads of a piece of attention, and the tokens.
  Span heads_of(int piece) const {
    const int head = piece % parts(shape_->n_head, heads_each_) * heads_each_;
    return {head, std::min(heads_each_, shape_->n_head - head)};
  }
  const Tokens& tokens_of(int piece) const { return groups_[piece / parts(shape_->n_head, heads_each_)]; }

 private:
  static constexpr int PER_LAYER = 9;  // from NORM_1 to FC_PROJ
  struct Cut {                         // the size of a product's pieces
    int rows, panels;
  };

  void take(const std::vector<Piece>& new_pieces, const int32_t* tokens) {
    n_rows = 0;
    groups_.clear();
    places.clear();
    tables_.clear();
    for (const Piece& piece : new_pieces) {
      tables_.emplace_back(piece.blocks, piece.blocks + (piece.start + piece.n_new - 1) / BLOCK + 1);
      const std::vector<int32_t>& table = tables_.back();
      for (int i = piece.start; i < piece.start + piece.n_new; ++i) places.push_back({i, table[i / BLOCK], i % BLOCK});
      for (int i = 0; i < piece.n_new; i += QUERIES) groups_.push_back({n_rows + i, std::min(QUERIES, piece.n_new - i), piece.start + i, table.data()});
      n_rows += piece.n_new;
    }
    token_ids.assign(tokens, tokens + n_rows);
  }

  void cut() {
    std::vector<Work> ends;
    if (n_wanted()) ends = wanted.targets ? std::vector<Work>{Work::NORM_F, Work::SCORE, Work::JOIN} : std::vector<Work>{Work::NORM_F, Work::HEAD};
    const int n_blocks_end = 1 + PER_LAYER * shape_->n_layer;
    n_phases = n_blocks_end + static_cast<int>(ends.size());
    if (static_cast<int>(phases.size()) < n_phases) {
      phases = std::vector<Phase>(n_phases);
      works_.resize(n_phases);
      cuts_.resize(n_phases);
    }
    const int n_groups = static_cast<int>(groups_.size());
    rows_each_ = std::clamp(n_rows / (4 * n_threads_), 1, ROUNDED_ROWS);
    heads_each_ = std::clamp(n_groups * shape_->n_head / (16 * n_threads_), 1, n_groups > 64 ? std::min(2, shape_->n_head) : shape_->n_head);
    for (int p = 0; p < n_phases; ++p) {
      const auto in_layer = static_cast<Work>(static_cast<int>(Work::NORM_1) + (p - 1) % PER_LAYER);
      works_[p] = p == 0 ? Work::EMBED : p < n_blocks_end ? in_layer : ends[p - n_blocks_end];
      phases[p].reset(count_pieces(p), n_threads_);
    }
  }

  int count_pieces(int p) {
    const int n = n_of(p);
    if (works_[p] == Work::MIX) return static_cast<int>(groups_.size()) * parts(shape_->n_head, heads_each_);
    if (works_[p] == Work::ROUND_HIDDEN && weights_->rounds_tiles()) return 0;
    if (!is_product(p)) return parts(n, rows_each_);
    cuts_[p] = {std::min(n, TILE_ROWS), panels_each(p, n)};
    return parts(n, cuts_[p].rows) * parts(matrix(p).n_panels, cuts_[p].panels);
  }

  // Enough work for a claim to cost nothing, little enough for threads to end together; and four panels at
  // least, for tiles in which no sum waits for another.
  int panels_each(int p, int n) const {
    constexpr int PER_GROUP = GROUP / LANES;
    if (works_[p] == Work::SCORE) return SUMMED / LANES;
    const Matrix& matrix = this->matrix(p);
    const double bytes = matrix.stride, products = std::min(n, TILE_ROWS) * static_cast<double>(matrix.width) * LANES;
    int panels = std::clamp(static_cast<int>((n == 1 ? 100'000 : 400'000) / std::max(bytes, products / 12)), 4, TILE_PANELS);
    panels = std::min(panels, std::max(1, matrix.n_panels / (2 * n_threads_)));
    if (works_[p] == Work::FC && weights_->rounds_tiles()) return std::max(PER_GROUP, panels - panels % PER_GROUP);
    return panels < 2 ? 1 : panels - panels % (n == 1 && panels >= 4 ? 4 : 2);
  }

  int n_of(int p) const { return works_[p] >= Work::NORM_F ? n_wanted() : n_rows; }
  const Linear* linear_of(int p) const {
    switch (works_[p]) {
      case Work::ATTN: return &block(p).attn;
      case Work::ATTN_PROJ: return &block(p).attn_proj;
      case Work::FC: return &block(p).fc;
      case Work::FC_PROJ: return &block(p).fc_proj;
      default: return nullptr;
    }
  }

  const Shape* shape_ = nullptr;
  const Weights* weights_ = nullptr;
  std::vector<Tokens> groups_;
  std::vector<std::vector<int32_t>> tables_;  // the blocks of each text
  std::vector<Work> works_;
  std::vector<Cut> cuts_;
  int rows_each_ = 1, heads_each_ = 1, n_threads_ = 1;
};

}  // namespace cutaway

// The engine as C functions, for ctypes; native.py has their signatures.
#include <memory>

#include "step.h"

namespace cutaway {

enum Which : int { WTE, WPE, LN_1_W, LN_1_B, ATTN_W, ATTN_B, PROJ_W, PROJ_B, LN_2_W, LN_2_B, FC_W, FC_B, FC_PROJ_W, FC_PROJ_B, Q_W, K_W, V_W, DISTANCES, LN_F_W, LN_F_B };

class Engine {
 public:
  Engine(const Shape& shape, Format format) : shape_(shape), weights_(shape, format) {}
  virtual ~Engine() = default;
  virtual void read(int n_pieces, const int32_t* starts, const int32_t* n_new, const int32_t* n_wanted, const int32_t* tokens, const int32_t* blocks, float* logits, const int32_t* targets, double* logprobs) = 0;
  virtual void clear(int block) = 0;
  virtual void copy(int from, int to) = 0;
  virtual size_t cache_bytes() const = 0;
  size_t weight_bytes() const { return weights_.n_bytes(); }

  // Numbers, weights as (inputs, outputs) except wte.
  void fill(int which, int layer, const float* from) {
    const auto copy = [&](const Memory<float>& to, int n) { std::memcpy(to.data(), from, n * sizeof(float)); };
    const int D = shape_.n_embd;
    switch (which) {
      case WTE: return weights_.wte.fill(from, D, 1, 0, shape_.vocab_size);
      case WPE:
        for (int i = 0; i < shape_.n_ctx; ++i) std::memcpy(weights_.wpe.data() + i * static_cast<size_t>(padded(D)), from + i * static_cast<size_t>(D), D * sizeof(float));
        return;
      case LN_F_W: return copy(weights_.ln_f.gain, D);
      case LN_F_B: return copy(weights_.ln_f.shift, D);
      default: break;
    }
    Block& block = weights_.blocks[layer];
    switch (which) {
      case LN_1_W: return copy(block.ln_1.gain, D);
      case LN_1_B: return copy(block.ln_1.shift, D);
      case LN_2_W: return copy(block.ln_2.gain, D);
      case LN_2_B: return copy(block.ln_2.shift, D);
      case ATTN_B: return copy(block.attn.bias, 3 * shape_.n_att);
      case PROJ_B: return copy(block.attn_proj.bias, D);
      case FC_B: return copy(block.fc.bias, shape_.n_inner);
      case FC_PROJ_B: return copy(block.fc_proj.bias, D);
      case DISTANCES:
        for (Matrix& head : block.distances) {
          head.fill(from, shape_.head_dim(), 1, 0, head.n_outputs);
          from += head.n_outputs * head.n_inputs;
        }
        return;
      default: break;
    }
    const Outputs to = outputs(which, layer);
    to.matrix.fill(from, 1, to.end - to.first, to.first, to.end);
  }
  void fill(int which, int layer, const int8_t* codes, const float* scales) {
    const Outputs to = outputs(which, layer);
    to.matrix.fill(codes, scales, to.first, to.end);
  }

 protected:
  Shape shape_;
  Weights weights_;

 private:
  struct Outputs {
    Matrix& matrix;
    int first, end;
  };
  // Where a weight goes: queries, keys and values are one product.
  Outputs outputs(int which, int layer) {
    const auto all = [](Matrix& matrix) { return Outputs{matrix, 0, matrix.n_outputs}; };
    if (which == WTE) return all(weights_.wte);
    Block& block = weights_.blocks[layer];
    const auto part = [&](int i) { return Outputs{block.attn.matrix, i * shape_.n_att, (i + 1) * shape_.n_att}; };
    switch (which) {
      case ATTN_W: return all(block.attn.matrix);
      case Q_W: return part(0);
      case K_W: return part(1);
      case V_W: return part(2);
      case PROJ_W: return all(block.attn_proj.matrix);
      case FC_W: return all(block.fc.matrix);
      default: return all(block.fc_proj.matrix);
    }
  }
};

template <class Kind>
class EngineOf : public Engine {
 public:
  EngineOf(const Shape& shape, Format format, int n_threads, int n_blocks)
      : Engine(shape, format),
        cache_(shape, n_blocks),
        buffers_(shape, format, cache_.head_width()),
        context_{shape_, weights_, cache_, buffers_},
        team_(n_threads, [&](int thread) { return Scratch<Kind>(shape, format, thread); }) {}

  void read(int n_pieces, const int32_t* starts, const int32_t* n_new, const int32_t* n_wanted, const int32_t* tokens, const int32_t* blocks, float* logits, const int32_t* targets, double* logprobs) override {
    const int per_text = (shape_.n_ctx + BLOCK - 1) / BLOCK;
    std::vector<Piece> pieces;
    std::vector<int> wanted;
    int n_rows = 0;
    const auto run = [&] {
      team_.run([&](Step<Kind>& step) { step.prepare(context_, team_.size(), pieces, tokens, Wanted{wanted, logits, targets, logprobs}); });
      if (targets) {
        targets += wanted.size();
        logprobs += wanted.size();
      } else {
        logits += wanted.size() * shape_.vocab_size;
      }
      tokens += n_rows;
      pieces.clear();
      wanted.clear();
      n_rows = 0;
    };
    for (int i = 0; i < n_pieces; ++i)
      for (int done = 0; done < n_new[i];) {
        const int n = std::min(n_new[i] - done, MOST_ROWS - n_rows);
        pieces.push_back({n_rows, n, starts[i] + done, blocks + static_cast<size_t>(i) * per_text});
        for (int j = 0; j < n; ++j)
          if (done + j >= n_new[i] - n_wanted[i]) wanted.push_back(n_rows + j);
        done += n;
        n_rows += n;
        if (n_rows == MOST_ROWS) run();
      }
    if (n_rows) run();
  }
  void clear(int block) override { cache_.clear(block); }
  void copy(int from, int to) override { cache_.copy(from, to); }
  size_t cache_bytes() const override { return cache_.n_bytes(); }

 private:
  Cache<Kind> cache_;
  Buffers<Kind> buffers_;
  Context<Kind> context_;
  Team<Step<Kind>, Scratch<Kind>> team_;
};

}  // namespace cutaway

using namespace cutaway;

extern "C" {

// sizes: those of Shape in their order, format, threads, blocks. Null: no memory.
void* cutaway_new(const int32_t* sizes, float epsilon, float token_scale) {
  try {
    const Shape shape{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8] != 0, epsilon, token_scale};
    const auto format = static_cast<Format>(sizes[9]);
    if (format == Format::FLOAT32) return static_cast<Engine*>(new EngineOf<Float32>(shape, format, sizes[10], sizes[11]));
    return static_cast<Engine*>(new EngineOf<BFloat16>(shape, format, sizes[10], sizes[11]));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void cutaway_free(void* engine) { delete static_cast<Engine*>(engine); }
int64_t cutaway_weight_bytes(void* engine) { return static_cast<int64_t>(static_cast<Engine*>(engine)->weight_bytes()); }
int64_t cutaway_cache_bytes(void* engine) { return static_cast<int64_t>(static_cast<Engine*>(engine)->cache_bytes()); }
void cutaway_fill(void* engine, int which, int layer, const float* numbers) { static_cast<Engine*>(engine)->fill(which, layer, numbers); }
void cutaway_fill_codes(void* engine, int which, int layer, const int8_t* codes, const float* scales) {
  static_cast<Engine*>(engine)->fill(which, layer, codes, scales);
}
void cutaway_clear(void* engine, int block) { static_cast<Engine*>(engine)->clear(block); }
void cutaway_copy(void* engine, int from, int to) { static_cast<Engine*>(engine)->copy(from, to); }

// Of rows of `n` scores, `stride` apart.
void cutaway_log_sums(const float* scores, int n_rows, int64_t stride, int n, double* sums) {
  for (int i = 0; i < n_rows; ++i) sums[i] = log_sum(scores + i * stride, n);
}

// blocks: for each piece its text's table, padded to the blocks of a whole context. Gives logits, or
// where there are targets their log-probabilities.
void cutaway_read(void* engine, int n_pieces, const int32_t* starts, const int32_t* n_new, const int32_t* n_wanted, const int32_t* tokens, const int32_t* blocks, float* logits, const int32_t* targets, double* logprobs) {
  static_cast<Engine*>(engine)->read(n_pieces, starts, n_new, n_wanted, tokens, blocks, logits, targets, logprobs);
}

}  // extern "C"

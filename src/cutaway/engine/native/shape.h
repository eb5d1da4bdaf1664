// The size of a model: a GPT-2, or a Music Transformer, which has vectors of distances.
#pragma once

namespace cutaway {

struct Shape {
  int vocab_size, n_ctx, n_embd, n_layer, n_head;
  int n_att, n_inner;  // width of all heads together, and inside the MLP
  int n_distances;     // that have a vector in every head; 0: none
  bool rectifies;      // the MLP's curve is ReLU, not GELU
  float epsilon, token_scale;
  int head_dim() const { return n_att / n_head; }
};

}  // namespace cutaway

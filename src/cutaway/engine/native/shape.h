// The size of a GPT-2.
#pragma once

namespace cutaway {

struct Shape {
  int vocab_size, n_ctx, n_embd, n_layer, n_head;
  float epsilon;
  int head_dim() const { return n_embd / n_head; }
  int n_inner() const { return 4 * n_embd; }
};

}  // namespace cutaway

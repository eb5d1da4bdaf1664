// Causal attention for training, as C functions for ctypes; kernel.py has their signatures.
#include <atomic>
#include <thread>
#include <vector>

#include "backward.h"
#include "forward.h"

namespace cutaway {

// Does n pieces of work with threads that each take the next one that is left. Who does a piece
// changes nothing of it. Tells whether there was memory for all.
template <class Work>
bool share_out(int n, int n_threads, Work work) {
  std::atomic<int> next{0};
  std::atomic<bool> has_room{true};
  const auto run = [&] {
    try {
      for (int i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) work(i);
    } catch (const std::bad_alloc&) {
      has_room.store(false);
    }
  };
  n_threads = std::min(n, n_threads);
#if defined(_OPENMP)
#pragma omp parallel num_threads(n_threads)
  run();
#else
  std::vector<std::thread> others;
  for (int i = 1; i < n_threads; ++i) others.emplace_back(run);
  run();
  for (auto& other : others) other.join();
#endif
  return has_room.load();
}

// What either pass takes more where distances count; `n` queries.
inline size_t words_of_distances(const Problem& problem, size_t n) {
  if (problem.n_relative == 0) return 0;
  return 3 * (n + 2 * GROUP) * problem.width + 2 * (KEY_BLOCK + GROUP) * GROUP;
}

inline Workspace& workspace_for(const Problem& problem) {
  static thread_local Workspace workspace;
  const size_t n = rounded(problem.n_query, GROUP), K = problem.width;
  workspace.reset(5 * n * K + 2 * n + (5 * KEY_BLOCK + 2 * KEYS) * K + 3 * KEY_BLOCK * QUERY_BLOCK + KEYS * GROUP + 2 * GROUP * K + words_of_distances(problem, n), 24);
  return workspace;
}

template <class Kind, class Element>
bool forward(const Problem& problem) {
  const int n_groups = parts(problem.n_query, GROUP);
  const int n_shares = problem.n_heads() % problem.n_threads && problem.n_heads() < 8 * problem.n_threads ? std::min(n_groups, 4) : 1;
  return share_out(problem.n_heads() * n_shares, problem.n_threads, [&](int piece) {
    Forward<Kind, Element> head(problem, piece / n_shares, workspace_for(problem));
    for (int i = piece % n_shares; i < n_groups; i += n_shares) head.group(i * GROUP);
  });
}

template <class Kind, class Element>
bool backward(const Problem& problem) {
  return share_out(problem.n_heads(), problem.n_threads, [&](int index) { Backward<Kind, Element>(problem, index, workspace_for(problem)).run(); });
}

}  // namespace cutaway

using namespace cutaway;

extern "C" {

// Whether this is faster than what torch has, for the processor that it was compiled for: a fused
// kernel, or, with dropout or distances, one operator for each part of it.
int cutaway_attention_pays(int in_16_bits, int unfused) {
#if defined(__AMX_BF16__)
  return !in_16_bits || unfused;  // torch's products run on AMX tiles
#elif defined(__AVX2__) && defined(__FMA__)
  return 1;
#else
  return 0;
#endif
}

int cutaway_attention_forward(const Problem* problem, int in_16_bits) {
  return in_16_bits ? forward<Bfloat16, uint16_t>(*problem) : forward<Single, float>(*problem);
}

int cutaway_attention_backward(const Problem* problem, int in_16_bits) {
  return in_16_bits ? backward<Bfloat16, uint16_t>(*problem) : backward<Single, float>(*problem);
}

// For tests: which weights of a head are kept, as (keys, queries) of 0 and 1.
void cutaway_attention_kept(float share, uint64_t seed, int head, int n, uint8_t* kept) {
  const Dropout dropout(share, seed, head);
  for (int key = 0; key < n; ++key)
    for (int query = 0; query < n; query += LANES) {
      const words mask = dropout.kept(key, query);
      for (int i = 0; i < LANES && query + i < n; ++i) kept[static_cast<size_t>(key) * n + query + i] = mask[i] != 0;
    }
}

}  // extern "C"

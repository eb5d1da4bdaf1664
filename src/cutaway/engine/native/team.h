// A team of threads that walks through the phases of a step together.
//
// A phase is a number of pieces, each computed into a thread's own memory and committed once.
// Each thread claims its own share of them in order, so that it reads the same weights in every
// step, and then what others have left. One that finds nothing left waits for the others, and after
// a while does again what they have begun, so that a thread that the system has put to sleep holds
// nobody up. A thread that wakes up late finds its piece committed, drops its own result and runs
// after the others.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "vec.h"

namespace cutaway {

inline void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Who has done what in one phase.
class Phase {
 public:
  void reset(int n_pieces, int n_threads) {
    n_pieces_ = n_pieces;
    if (static_cast<int>(shares_.size()) != n_threads) shares_ = std::vector<Share>(n_threads);
    for (int i = 0; i < n_threads; ++i) {
      shares_[i].next.store(first_of(i), std::memory_order_relaxed);
      shares_[i].end = first_of(i + 1);
    }
    if (static_cast<int>(states_.size()) < n_pieces) states_ = std::vector<std::atomic<uint8_t>>(n_pieces);
    for (int i = 0; i < n_pieces; ++i) states_[i].store(OPEN, std::memory_order_relaxed);
    n_done_.store(0, std::memory_order_relaxed);
  }
  // A piece that nobody has claimed, or -1.
  int claim(int thread) {
    for (size_t i = 0; i < shares_.size(); ++i) {
      Share& share = shares_[(thread + i) % shares_.size()];
      if (share.next.load(std::memory_order_relaxed) >= share.end) continue;
      const int piece = share.next.fetch_add(1, std::memory_order_relaxed);
      if (piece < share.end) return piece;
    }
    return -1;
  }
  int size() const { return n_pieces_; }
  int first_of(int thread) const { return static_cast<int>(static_cast<int64_t>(n_pieces_) * thread / static_cast<int64_t>(shares_.size())); }
  bool is_done() const { return n_done_.load(std::memory_order_acquire) == n_pieces_; }
  bool is_open(int piece) const { return states_[piece].load(std::memory_order_acquire) == OPEN; }
  // Only one thread may write a piece's results.
  bool wins(int piece) {
    uint8_t expected = OPEN;
    return states_[piece].compare_exchange_strong(expected, COMMITTING, std::memory_order_acq_rel);
  }
  void committed() { n_done_.fetch_add(1, std::memory_order_release); }

 private:
  enum State : uint8_t { OPEN, COMMITTING };
  struct alignas(64) Share {
    std::atomic<int> next{0};
    int end = 0;
  };
  std::vector<Share> shares_;
  alignas(64) std::atomic<int> n_done_{0};
  int n_pieces_ = 0;
  std::vector<std::atomic<uint8_t>> states_;
};

// Step has: phases (a vector of Phase), n_phases, compute(phase, piece, scratch), commit(phase, piece,
// scratch), and look_ahead(phase, scratch), which fetches what the thread will read after a phase.
// Scratch is what a thread owns; it knows which thread that is.
template <class Step, class Scratch>
class Team {
 public:
  template <class MakeScratch>
  Team(int n_threads, MakeScratch make_scratch) {
    for (int i = 0; i < RING; ++i) slots_.push_back(std::make_unique<Slot>());
    for (int i = 0; i < n_threads; ++i) scratch_.push_back(std::make_unique<Scratch>(make_scratch(i)));
    for (int i = 1; i < n_threads; ++i) threads_.emplace_back([this, i] { help(*scratch_[i]); });
  }
  ~Team() {
    ending_.store(true);
    published_.fetch_add(1);
    published_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  // Runs one step to its end; `prepare` fills it and resets its phases.
  template <class Prepare>
  void run(Prepare prepare) {
    const uint64_t number = published_.load() + 1;
    Slot& slot = *slots_[number % RING];
    while (slot.n_inside.load() != 0) std::this_thread::yield();
    prepare(slot.step);
    published_.store(number);
    published_.notify_all();
    walk(slot.step, *scratch_[0], [] { return false; });
  }
  int size() const { return static_cast<int>(scratch_.size()); }

 private:
  static constexpr int RING = 8;
  static constexpr int64_t AWAKE_NS = 1'000'000;  // how long a thread stays awake between steps
  struct Slot {
    Step step;
    std::atomic<int> n_inside{0};
  };

  void help(Scratch& scratch) {
    uint64_t seen = 0;
    while (true) {
      wait_for_another(seen);
      if (ending_.load()) return;
      const uint64_t number = published_.load();
      Slot& slot = *slots_[number % RING];
      slot.n_inside.fetch_add(1);
      if (published_.load() == number)
        walk(slot.step, scratch, [&] { return published_.load(std::memory_order_relaxed) != number; });
      slot.n_inside.fetch_sub(1);
      seen = number;
    }
  }

  void wait_for_another(uint64_t seen) {
    const int64_t end = now_ns() + AWAKE_NS;
    while (published_.load(std::memory_order_acquire) == seen) {
      for (int i = 0; i < 64; ++i) pause_briefly();
      if (now_ns() > end) published_.wait(seen);
    }
  }

  template <class IsOver>
  static void walk(Step& step, Scratch& scratch, IsOver is_over) {
    for (int p = 0; p < step.n_phases; ++p) {
      Phase& phase = step.phases[p];
      if (phase.is_done()) continue;
      int64_t longest = 2'000;
      int piece;
      int64_t start = now_ns();
      while ((piece = phase.claim(scratch.thread)) >= 0) {
        do_piece(step, p, piece, scratch);
        const int64_t end = now_ns();
        longest = std::max(longest, end - start);
        start = end;
      }
      step.look_ahead(p, scratch);
      int64_t patience = start + 2 * longest;
      while (!phase.is_done()) {
        pause_briefly();
        if (is_over()) return;
        if (now_ns() < patience) continue;
        for (int other = 0; other < phase.size() && !phase.is_done(); ++other)
          if (phase.is_open(other)) do_piece(step, p, other, scratch);
        patience = now_ns() + longest;
      }
    }
  }

  static void do_piece(Step& step, int p, int piece, Scratch& scratch) {
    step.compute(p, piece, scratch);
    if (!step.phases[p].wins(piece)) return;
    step.commit(p, piece, scratch);
    step.phases[p].committed();
  }

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
  std::vector<std::thread> threads_;
  std::atomic<uint64_t> published_{0};
  std::atomic<bool> ending_{false};
};

}  // namespace cutaway

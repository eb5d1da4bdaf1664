// Memory of a thread's own, kept from call to call, of which each head takes what it needs.
#pragma once

#include <cstdlib>
#include <new>

#include "simd.h"

namespace cutaway {

class Workspace {
 public:
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  ~Workspace() { std::free(data_); }
  // Forgets what was taken, and has room for `n` words in `n_parts` parts.
  void reset(size_t n, int n_parts) {
    used_ = 0;
    n += static_cast<size_t>(n_parts) * ALIGNED;
    if (n <= size_) return;
    std::free(data_);
    size_ = (n + ALIGNED - 1) / ALIGNED * ALIGNED;
    data_ = static_cast<uint32_t*>(std::aligned_alloc(ALIGNED * 4, size_ * 4));
    if (!data_) {
      size_ = 0;
      throw std::bad_alloc();
    }
  }
  // Room for `n` words, at the begin of a cache line.
  uint32_t* take(size_t n) {
    uint32_t* part = data_ + used_;
    used_ += (n + ALIGNED - 1) / ALIGNED * ALIGNED;
    return part;
  }

 private:
  static constexpr size_t ALIGNED = 16;  // words
  uint32_t* data_ = nullptr;
  size_t size_ = 0, used_ = 0;
};

}  // namespace cutaway

// Memory taken once and zeroed, in huge pages where there is much of it.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <utility>

namespace cutaway {

inline size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }
// How many parts of at most `size` there are in `n`.
inline int parts(int n, int size) { return (n + size - 1) / size; }

template <class T>
class Memory {
 public:
  Memory() = default;
  explicit Memory(size_t n) : size_(n) {
    if (n == 0) return;
    const bool is_large = n * sizeof(T) > size_t{4} << 20;
    bytes_ = rounded(n * sizeof(T), is_large ? size_t{2} << 20 : size_t{4} << 10);
    void* start = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    if (is_large) madvise(start, bytes_, MADV_HUGEPAGE);
#endif
    data_ = static_cast<T*>(start);
  }
  Memory(Memory&& other) noexcept { swap(other); }
  Memory& operator=(Memory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Memory() {
    if (data_) munmap(data_, bytes_);
  }
  T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t n_bytes() const { return bytes_; }
  T& operator[](size_t i) const { return data_[i]; }

 private:
  void swap(Memory& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
  }
  T* data_ = nullptr;
  size_t size_ = 0, bytes_ = 0;
};

}  // namespace cutaway

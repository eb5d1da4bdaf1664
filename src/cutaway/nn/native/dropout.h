// Which weights of a pattern are dropped: a function of a seed, the head, the key and the query, so
// that the backward pass finds what the forward pass dropped, in whatever order either goes.
#pragma once

#include "simd.h"

namespace cutaway {

// A finalizer of Stafford's for 64 bits (the thirteenth; SplitMix64 uses it too).
inline uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A word decides for two queries that are 16 apart, by 16 bits each; so the share that is dropped
// is a multiple of 2^-16.
class Dropout {
 public:
  Dropout(float share, uint64_t seed, int head) : limit_(static_cast<uint32_t>(share * 65536.0f + 0.5f)), seed_(mixed(seed + 0x9e3779b97f4a7c15u * (head + 1))) {}
  bool is_on() const { return limit_ > 0; }
  // What is kept is multiplied by this.
  float scale() const { return 65536.0f / static_cast<float>(65536 - limit_); }

  // Lanes of queries first, first + 1, ...: all bits set where the weight for `key` is kept.
  words kept(int key, int first) const {
    const uint64_t row = mixed(seed_ + 0xd1342543de82ef95u * (key + 1));
    const uint32_t place = (first >> 5 << 4) + (first & 15);
    words x = reinterpret_cast<words>(lane_numbers()) + place;
    x = (x ^ static_cast<uint32_t>(row)) * 0x9e3779b1u + static_cast<uint32_t>(row >> 32);
    x = (x ^ (x >> 16)) * 0x21f0aaadu;  // the two multipliers: Wellons, "hash-prospector"
    x = (x ^ (x >> 15)) * 0xd35a2d97u;
    x ^= x >> 15;
    const words half = first & 16 ? x >> 16 : x & 0xffffu;
    return reinterpret_cast<words>(half >= limit_);
  }

 private:
  uint32_t limit_;
  uint64_t seed_;
};

}  // namespace cutaway

// Keys and values of all texts, in blocks of 32 positions that texts may share.
//
// In a block each layer and head has a tile of keys and a tile of values, laid out as panels of
// weights are: keys with positions as outputs and the head's dimensions as inputs, values with
// dimensions as outputs and positions as inputs. Attention is then two products of linear.h.
#pragma once

#include "linear.h"
#include "shape.h"

namespace cutaway {

constexpr int BLOCK = 32;

template <class Kind>
class Cache {
 public:
  using Element = typename Kind::Element;

  Cache(const Shape& shape, int n_blocks)
      : head_width_(static_cast<int>(rounded(shape.head_dim(), LANES))),
        n_head_(shape.n_head),
        tile_(static_cast<size_t>(BLOCK) * head_width_ * sizeof(Element)),
        block_(tile_ * 2 * shape.n_head * shape.n_layer),
        cells_(block_ * n_blocks) {}

  // From one panel of keys, or of values, to the next, and how many lines it has.
  int key_lines() const { return head_width_ / Kind::PER_LINE; }
  static constexpr int value_lines() { return BLOCK / Kind::PER_LINE; }
  char* keys(int block, int layer, int head) const {
    return cells_.data() + block * block_ + (static_cast<size_t>(layer) * n_head_ + head) * 2 * tile_;
  }
  char* values(int block, int layer, int head) const { return keys(block, layer, head) + tile_; }

  void put_key(char* keys, int slot, int dim, float value) const {
    char* line = keys + (static_cast<size_t>(slot / LANES) * key_lines() + dim / Kind::PER_LINE) * LINE;
    reinterpret_cast<Element*>(line)[slot % LANES * Kind::PER_LINE + dim % Kind::PER_LINE] = Kind::narrowed(value);
  }
  void put_value(char* values, int slot, int dim, float value) const {
    char* line = values + (static_cast<size_t>(dim / LANES) * value_lines() + slot / Kind::PER_LINE) * LINE;
    reinterpret_cast<Element*>(line)[dim % LANES * Kind::PER_LINE + slot % Kind::PER_LINE] = Kind::narrowed(value);
  }
  // The same for sixteen dimensions, the first a multiple of 16. Of a key each 32 bits, one or two
  // elements, go to the next line.
  void put_key(char* keys, int slot, int dim, floats numbers) const {
    char* lines = keys + (static_cast<size_t>(slot / LANES) * key_lines() + dim / Kind::PER_LINE) * LINE;
    const typename Kind::Lanes narrowed = Kind::narrowed(numbers);
    uint32_t words[LANES / Kind::PER_LINE];
    std::memcpy(words, &narrowed, sizeof(words));
    for (int i = 0; i < LANES / Kind::PER_LINE; ++i) reinterpret_cast<uint32_t*>(lines + i * LINE)[slot % LANES] = words[i];
  }
  void put_value(char* values, int slot, int dim, floats numbers) const {
    char* line = values + (static_cast<size_t>(dim / LANES) * value_lines() + slot / Kind::PER_LINE) * LINE;
    Kind::put_column(line, slot % Kind::PER_LINE, numbers);
  }

  // What lies behind a text's end is multiplied by zero, so it has to be a number.
  void clear(int block) const { std::memset(cells_.data() + block * block_, 0, block_); }
  void copy(int from, int to) const { std::memcpy(cells_.data() + to * block_, cells_.data() + from * block_, block_); }
  size_t n_bytes() const { return cells_.n_bytes(); }
  int head_width() const { return head_width_; }

 private:
  int head_width_, n_head_;
  size_t tile_, block_;
  Memory<char> cells_;
};

}  // namespace cutaway

// A weight matrix in panels of 16 outputs, as the products read it: line after line, nothing else.
//
// A line has 64 bytes: for each of 16 outputs the weights of the next inputs, 1 in FLOAT32, 2 in
// BFLOAT16, 4 in 8 bits, 8 in 4 bits (the first four in the low nibbles, the next four in the high
// ones). Integers are stored without a sign, code + 128 or code + 8.
#pragma once

#include <algorithm>
#include <cmath>

#include "rows.h"

namespace cutaway {

class Matrix {
 public:
  Matrix() = default;
  Matrix(Format format, int n_outputs, int n_inputs)
      : format(format), n_outputs(n_outputs), n_inputs(n_inputs), width(padded(n_inputs)) {
    n_panels = (n_outputs + LANES - 1) / LANES;
    n_groups = format == Format::INT4 ? width / GROUP : 1;
    const int per_line = format == Format::FLOAT32 ? 1 : format == Format::BFLOAT16 ? 2 : format == Format::INT4 ? 8 : 4;
    n_lines = width / per_line;
    stride = static_cast<size_t>(n_lines) * LINE;
    lines_ = Memory<char>(n_panels * stride);
    if (is_eight_bits()) scales_ = Memory<float>(static_cast<size_t>(n_panels) * LANES);
    if (format == Format::INT4) short_scales_ = Memory<uint16_t>(static_cast<size_t>(n_panels) * n_groups * LANES);
  }

  bool is_eight_bits() const { return format == Format::INT8 || format == Format::INT8_WEIGHT_ONLY; }
  size_t n_bytes() const { return lines_.n_bytes() + scales_.n_bytes() + short_scales_.n_bytes(); }
  const char* panel(int p) const { return lines_.data() + p * stride; }
  floats scales(int panel) const { return load(scales_.data() + panel * LANES); }
  floats scales(int panel, int group) const {
    return widen(*reinterpret_cast<const halves*>(short_scales_.data() + (static_cast<size_t>(panel) * n_groups + group) * LANES));
  }

  // Takes numbers of outputs [first, end); weight (first + o, input) is from[o * by_output + input * by_input].
  void fill(const float* from, size_t by_output, size_t by_input, int first, int end) {
    for (int begin = first, n; begin < end; begin += n, from += n * by_output) {
      n = std::min(LANES - begin % LANES, end - begin);  // of one panel
      for (int i = 0; i < n_inputs; ++i) {
        const float* source = from + i * by_input;
        char* to = cell(begin, i);
        if (format == Format::FLOAT32)
          for (int o = 0; o < n; ++o) reinterpret_cast<float*>(to)[o] = source[o * by_output];
        else
          for (int o = 0; o < n; ++o) reinterpret_cast<uint16_t*>(to)[2 * o] = narrow(source[o * by_output]);
      }
    }
  }
  // Takes codes (outputs, inputs) and scales (outputs, groups) of outputs [first, end).
  void fill(const int8_t* codes, const float* scales, int first, int end) {
    for (int o = first; o < (end == n_outputs ? n_panels * LANES : end); ++o) {
      const bool is_there = o < n_outputs;
      fill_output(o, codes + static_cast<size_t>(o - first) * n_inputs, is_there ? n_inputs : 0);
      for (int g = 0; g < n_groups && is_there; ++g) {
        const float scale = scales[static_cast<size_t>(o - first) * n_groups + g];
        if (is_eight_bits())
          scales_[o] = scale;
        else
          short_scales_[(static_cast<size_t>(o / LANES) * n_groups + g) * LANES + o % LANES] = narrow(scale);
      }
    }
  }
  // The weights of one output: a row of an embedding.
  void read(int output, float* to) const {
    for (int i = 0; i < n_inputs; ++i) to[i] = at(output, i);
  }

  Format format = Format::FLOAT32;
  int n_outputs = 0, n_inputs = 0, width = 0, n_panels = 0, n_groups = 1, n_lines = 0;
  size_t stride = 0;

 private:
  // The codes of one output, line by line; those behind the end are 0.
  void fill_output(int output, const int8_t* codes, int n) {
    const int per_line = is_eight_bits() ? 4 : 8;
    char* to = cell(output, 0);
    for (int i = 0; i < width; i += per_line, to += LINE) {
      uint32_t four[2] = {};
      std::memcpy(four, codes + i, std::clamp(n - i, 0, per_line));
      if (is_eight_bits())
        four[0] ^= 0x80808080u;
      else
        four[0] = ((four[0] ^ 0x08080808u) & 0x0f0f0f0fu) | ((four[1] ^ 0x08080808u) & 0x0f0f0f0fu) << 4;
      std::memcpy(to, four, 4);
    }
  }
  char* cell(int output, int input) const {
    char* panel = lines_.data() + (output / LANES) * stride;
    const int lane = output % LANES;
    switch (format) {
      case Format::FLOAT32: return panel + input * LINE + lane * 4;
      case Format::BFLOAT16: return panel + input / 2 * LINE + lane * 4 + input % 2 * 2;
      case Format::INT8:
      case Format::INT8_WEIGHT_ONLY: return panel + input / 4 * LINE + lane * 4 + input % 4;
      case Format::INT4: return panel + input / 8 * LINE + lane * 4 + input % 4;
    }
    return nullptr;
  }
  float at(int output, int input) const {
    const char* from = cell(output, input);
    switch (format) {
      case Format::FLOAT32: return *reinterpret_cast<const float*>(from);
      case Format::BFLOAT16: return widen(*reinterpret_cast<const uint16_t*>(from));
      case Format::INT8:
      case Format::INT8_WEIGHT_ONLY: return static_cast<float>(static_cast<uint8_t>(*from) - 128) * scales_[output];
      case Format::INT4: {
        const int both = static_cast<uint8_t>(*from);
        const int code = (input / 4 % 2 == 0 ? both & 15 : both >> 4) - 8;
        return static_cast<float>(code) * widen(short_scales_[(static_cast<size_t>(output / LANES) * n_groups + input / GROUP) * LANES + output % LANES]);
      }
    }
    return 0.0f;
  }
  Memory<char> lines_;
  Memory<float> scales_;
  Memory<uint16_t> short_scales_;
};

}  // namespace cutaway

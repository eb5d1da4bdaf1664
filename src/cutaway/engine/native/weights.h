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
    if (is_eight_bits()) std::memset(lines_.data(), 0x80, lines_.size());
    if (format == Format::INT4) std::memset(lines_.data(), 0x88, lines_.size());
  }

  bool is_eight_bits() const { return format == Format::INT8 || format == Format::INT8_WEIGHT_ONLY; }
  size_t n_bytes() const { return lines_.n_bytes() + scales_.n_bytes() + short_scales_.n_bytes(); }
  const char* panel(int p) const { return lines_.data() + p * stride; }
  floats scales(int panel) const { return load(scales_.data() + panel * LANES); }
  floats scales(int panel, int group) const {
    return widen(*reinterpret_cast<const halves*>(short_scales_.data() + (static_cast<size_t>(panel) * n_groups + group) * LANES));
  }

  // Takes numbers; weight (output, input) is from[output * by_output + input * by_input].
  void fill(const float* from, size_t by_output, size_t by_input) {
    for (int panel = 0; panel < n_outputs; panel += LANES)
      for (int i = 0; i < n_inputs; ++i)
        for (int o = panel; o < std::min(panel + LANES, n_outputs); ++o) {
          const float value = from[o * by_output + i * by_input];
          if (format == Format::FLOAT32)
            *reinterpret_cast<float*>(cell(o, i)) = value;
          else
            *reinterpret_cast<uint16_t*>(cell(o, i)) = narrow(value);
        }
  }
  // Takes codes (outputs, inputs) and scales (outputs, groups).
  void fill(const int8_t* codes, const float* scales) {
    for (int o = 0; o < n_outputs; ++o) {
      for (int i = 0; i < n_inputs; ++i) {
        const int8_t code = codes[static_cast<size_t>(o) * n_inputs + i];
        auto* at = reinterpret_cast<uint8_t*>(cell(o, i));
        if (is_eight_bits())
          *at = static_cast<uint8_t>(code + 128);
        else if (i / 4 % 2 == 0)
          *at = static_cast<uint8_t>((*at & 0xf0) | (code + 8));
        else
          *at = static_cast<uint8_t>((*at & 0x0f) | ((code + 8) << 4));
      }
      for (int g = 0; g < n_groups; ++g) {
        const float scale = scales[static_cast<size_t>(o) * n_groups + g];
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

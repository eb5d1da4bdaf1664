// How likely given tokens are: the scores of a row are added up in parts, in float32, and the parts joined
// in float64.
#pragma once

#include "plan.h"

namespace cutaway {

// Of some scores of a row: the largest, and the sum of exp(score - largest).
struct PartialSum {
  float largest, sum;
};

// Of `n` scores, in memory of whole vectors.
inline PartialSum add_up(float* scores, int n) {
  for (int i = n; i % LANES != 0; ++i) scores[i] = -__builtin_inff();
  floats most = load(scores), total = {};
  for (int i = LANES; i < n; i += LANES) most = larger(most, load(scores + i));
  const float top = largest(most);
  for (int i = 0; i < n; i += LANES) total += exponential(load(scores + i) - top);
  return {top, sum(total)};
}

// The logarithm of the sum of exp(score).
inline double log_sum(const float* scores, int n) {
  const int whole = n / LANES * LANES;
  floats most = floats{} - __builtin_inff();
  for (int i = 0; i < whole; i += LANES) most = larger(most, load(scores + i));
  float top = largest(most);
  for (int i = whole; i < n; ++i) top = std::max(top, scores[i]);
  double total = 0.0;
  for (int i = whole; i < n; ++i) total += std::exp(scores[i] - top);
  for (int part = 0; part < whole; part += SUMMED) {
    floats some = {};
    for (int i = part; i < std::min(part + SUMMED, whole); i += LANES) some += exponential(load(scores + i) - top);
    total += sum(some);
  }
  return top + std::log(total);
}

// The logarithm of the probability of a score among all that the parts have.
inline double log_probability(float score, const PartialSum* parts, int n_parts) {
  float top = parts[0].largest;
  for (int i = 1; i < n_parts; ++i) top = std::max(top, parts[i].largest);
  double total = 0.0;
  for (int i = 0; i < n_parts; ++i) total += parts[i].sum * std::exp(static_cast<double>(parts[i].largest) - top);
  return static_cast<double>(score) - top - std::log(total);
}

}  // namespace cutaway

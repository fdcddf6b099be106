/* SOFTMAX for either output type: exp of each element once, kept in scratch; inputs that are too far below the largest count as 0. */
#ifndef CFUKIT_PORTABLE_SOFTMAX_H
#define CFUKIT_PORTABLE_SOFTMAX_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

static inline __attribute__((always_inline)) void softmax(const struct cfukit_softmax *p, int32_t bits) {
  const int32_t low = bits == 8 ? INT8_MIN : INT16_MIN, high = bits == 8 ? INT8_MAX : INT16_MAX, depth = p->depth;
  const int8_t *input = p->input;
  int8_t *out8 = p->output;
  int16_t *out16 = p->output;
  int32_t *const exps = p->scratch;
  for (int32_t row = 0; row < p->rows; row++, input += depth, out8 += depth, out16 += depth) {
    int32_t largest = INT8_MIN, sum = 0; /* sum: Q12.19 */
    for (int32_t c = 0; c < depth; c++) largest = cfukit_max(largest, input[c]);
    for (int32_t c = 0; c < depth; c++) {
      const int32_t difference = input[c] - largest;
      exps[c] = -1; /* too small */
      if (difference < p->difference_min) continue;
      exps[c] = cfukit_exp(cfukit_srdhm(cfukit_shift_left(difference, p->left_shift), p->multiplier), 5);
      sum += cfukit_rounding_shift(exps[c], 12);
    }
    const int32_t headroom = __builtin_clz((uint32_t)sum);
    const int32_t scale = cfukit_reciprocal_1p((int32_t)(((uint32_t)sum << headroom) - (1u << 31)));
    const int32_t shift = 12 - headroom + 31 - bits;
    for (int32_t c = 0; c < depth; c++) {
      int32_t result = low;
      if (exps[c] >= 0) {
        result = cfukit_clamp(cfukit_rounding_shift(cfukit_srdhm(scale, exps[c]), shift) + low, low, high);
      }
      if (bits == 8) out8[c] = (int8_t)result;
      else out16[c] = (int16_t)result;
    }
  }
}

#endif

/* SOFTMAX in the form of TFLM's reference kernel: two passes, both of which compute exp. `bits` 8 or 16: the output's type. */
#ifndef CFUKIT_REFERENCE_SOFTMAX_H
#define CFUKIT_REFERENCE_SOFTMAX_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

static inline int32_t softmax_exp(const struct cfukit_softmax *p, int32_t difference) {
  return cfukit_exp(cfukit_srdhm(cfukit_shift_left(difference, p->left_shift), p->multiplier), 5, cfukit_srdhm);
}

/* Refuses a row, with the full sum of its exponentials. */
static _Noreturn void refuse_row(const struct cfukit_softmax *p, const int8_t *input, int32_t largest) {
  uint64_t sum = 0;
  for (int32_t c = 0; c < p->depth; c++) {
    const int32_t difference = input[c] - largest;
    if (difference >= p->difference_min) sum += (uint64_t)cfukit_rounding_shift(softmax_exp(p, difference), 12);
  }
  cfukit_refuse(p, (uint32_t)(sum >> 19));
}

static inline void softmax(const struct cfukit_softmax *p, int32_t bits) {
  const int32_t low = bits == 8 ? INT8_MIN : INT16_MIN, high = bits == 8 ? INT8_MAX : INT16_MAX;
  for (int32_t row = 0; row < p->rows; row++) {
    const int8_t *input = p->input + row * p->depth;
    int32_t largest = INT8_MIN;
    for (int32_t c = 0; c < p->depth; c++) largest = cfukit_max(largest, input[c]);
    uint32_t sum = 0; /* Q12.19 */
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t difference = input[c] - largest;
      if (difference < p->difference_min) continue;
      const uint32_t before = sum;
      sum += (uint32_t)cfukit_rounding_shift(softmax_exp(p, difference), 12);
      if (sum < before) refuse_row(p, input, largest);
    }
    if (sum > p->sum_max) refuse_row(p, input, largest);
    const int32_t headroom = __builtin_clz(sum);
    const int32_t scale = cfukit_reciprocal_1p((int32_t)((sum << headroom) - (1u << 31)), cfukit_srdhm);
    const int32_t shift = 12 - headroom + 31 - bits;
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t difference = input[c] - largest;
      int32_t result = low;
      if (difference >= p->difference_min) {
        const int32_t scaled = cfukit_rounding_shift(cfukit_srdhm(scale, softmax_exp(p, difference)), shift);
        result = cfukit_clamp(scaled + low, low, high);
      }
      if (bits == 8) ((int8_t *)p->output)[row * p->depth + c] = (int8_t)result;
      else ((int16_t *)p->output)[row * p->depth + c] = (int16_t)result;
    }
  }
}

#endif

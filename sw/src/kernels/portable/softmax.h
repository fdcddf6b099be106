/* SOFTMAX for either output type. The exp of each element is computed once and kept in scratch, or twice without scratch (long rows). */
#ifndef CFUKIT_PORTABLE_SOFTMAX_H
#define CFUKIT_PORTABLE_SOFTMAX_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

/* exp of an input `difference` below the row's largest, or -1 if that counts as 0. */
static int32_t softmax_exp(const struct cfukit_softmax *p, int32_t difference) {
  if (difference < p->difference_min) return -1;
  const int32_t scaled = cfukit_srdhm_any(cfukit_shift_left(difference, p->left_shift), p->multiplier);
  return cfukit_exp(scaled, 5, cfukit_srdhm_any);
}

/* Refuses a row, with the full sum of its exponentials. */
static _Noreturn __attribute__((cold, noinline)) void refuse_row(const struct cfukit_softmax *p, const int8_t *input, int32_t largest) {
  uint64_t sum = 0;
  for (int32_t c = 0; c < p->depth; c++) {
    const int32_t e = softmax_exp(p, input[c] - largest);
    if (e >= 0) sum += (uint64_t)cfukit_rounding_shift(e, 12);
  }
  cfukit_refuse(p, (uint32_t)(sum >> 19));
}

enum { PART = 4096 }; /* elements whose exponentials cannot sum to 2^32 */

static inline __attribute__((always_inline)) void softmax(const struct cfukit_softmax *p, int32_t bits) {
  const int32_t low = bits == 8 ? INT8_MIN : INT16_MIN, high = bits == 8 ? INT8_MAX : INT16_MAX, depth = p->depth;
  const int8_t *input = p->input;
  int8_t *out8 = p->output;
  int16_t *out16 = p->output;
  int32_t *const exps = p->scratch;
  for (int32_t row = 0; row < p->rows; row++, input += depth, out8 += depth, out16 += depth) {
    int32_t largest = INT8_MIN;
    uint32_t sum = 0; /* Q12.19 */
    for (int32_t c = 0; c < depth; c++) largest = cfukit_max(largest, input[c]);
    for (int32_t c = 0; c < depth;) {
      const int32_t end = cfukit_min(depth, c + PART);
      const uint32_t before = sum;
      for (; c < end; c++) {
        const int32_t e = softmax_exp(p, input[c] - largest);
        if (exps) exps[c] = e;
        if (e >= 0) sum += (uint32_t)cfukit_rounding_shift(e, 12);
      }
      if (sum < before || sum > p->sum_max) refuse_row(p, input, largest);
    }
    const int32_t headroom = __builtin_clz(sum);
    const int32_t scale = cfukit_reciprocal_1p((int32_t)((sum << headroom) - (1u << 31)), cfukit_srdhm_any);
    const int32_t shift = 12 - headroom + 31 - bits;
    for (int32_t c = 0; c < depth; c++) {
      const int32_t e = exps ? exps[c] : softmax_exp(p, input[c] - largest);
      int32_t result = low;
      if (e >= 0) result = cfukit_clamp(cfukit_rounding_shift(cfukit_srdhm_any(scale, e), shift) + low, low, high);
      if (bits == 8) out8[c] = (int8_t)result;
      else out16[c] = (int16_t)result;
    }
  }
}

#endif

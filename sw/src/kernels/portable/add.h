/* ADD and SUB int8: sign 1 or -1. */
#ifndef CFUKIT_PORTABLE_ADD_H
#define CFUKIT_PORTABLE_ADD_H

#include "../reference/elementwise.h"

/* The first input's terms of so many elements are computed before the second input is touched: tensors often lie a multiple of
 * the data cache apart, where reading them in turn would miss at every element. */
#define ADD_CHUNK 32

static inline __attribute__((always_inline)) void add(const struct cfukit_binary *p, int32_t sign) {
  const int32_t zero_point1 = p->zero_point1, zero_point2 = p->zero_point2, left = p->left_shift;
  const int32_t multiplier1 = p->multiplier1, right1 = -p->shift1, multiplier2 = p->multiplier2, right2 = -p->shift2;
  const int32_t low = p->activation_min, high = p->activation_max, multiplier = p->multiplier, right = -p->shift;
  const int32_t zero_point = p->output_zero_point;
  int32_t terms[ADD_CHUNK];
  FOR_EACH_RUN(p, int8_t, {
    for (int32_t done = 0; done < count; done += ADD_CHUNK) {
      const int32_t chunk = cfukit_min(ADD_CHUNK, count - done);
      for (int32_t i = 0; i < chunk; i++, a += a_stride) {
        terms[i] = cfukit_multiply_small(cfukit_shift_left(*a - zero_point1, left), multiplier1, right1);
      }
      for (int32_t i = 0; i < chunk; i++, b += b_stride) {
        const int32_t term = cfukit_multiply_small(cfukit_shift_left(*b - zero_point2, left), multiplier2, right2);
        const int32_t sum = cfukit_multiply_small(terms[i] + sign * term, multiplier, right) + zero_point;
        *out++ = (int8_t)cfukit_clamp(sum, low, high);
      }
    }
  });
}

#endif

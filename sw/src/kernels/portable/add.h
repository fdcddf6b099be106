/* ADD and SUB int8: sign 1 or -1. */
#ifndef CFUKIT_PORTABLE_ADD_H
#define CFUKIT_PORTABLE_ADD_H

#include "elementwise.h"

static inline __attribute__((always_inline)) void add(const struct cfukit_binary *p, int32_t sign) {
  const int32_t zero_point1 = p->zero_point1, zero_point2 = p->zero_point2, left = p->left_shift;
  const int32_t multiplier1 = p->multiplier1, right1 = -p->shift1, multiplier2 = p->multiplier2, right2 = -p->shift2;
  const int32_t low = p->activation_min, high = p->activation_max, multiplier = p->multiplier, right = -p->shift;
  const int32_t zero_point = p->output_zero_point;
  FOR_EACH_PAIR(p, int8_t, {
    const int32_t u = cfukit_multiply_small(cfukit_shift_left(x1 - zero_point1, left), multiplier1, right1);
    const int32_t v = cfukit_multiply_small(cfukit_shift_left(x2 - zero_point2, left), multiplier2, right2);
    const int32_t sum = cfukit_multiply_small(u + sign * v, multiplier, right) + zero_point;
    *out = (int8_t)cfukit_clamp(sum, low, high);
  });
}

#endif

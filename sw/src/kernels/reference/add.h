/* ADD and SUB element by element, as TFLM's reference kernels: sign 1 or -1. int8, or the type that ELEMENT says. */
#ifndef CFUKIT_REFERENCE_ADD_H
#define CFUKIT_REFERENCE_ADD_H

#include "elementwise.h"

#ifndef ELEMENT
#define ELEMENT int8_t
#endif

static inline __attribute__((always_inline)) void add(const struct cfukit_binary *p, int32_t sign) {
  FOR_EACH_PAIR(p, ELEMENT, {
    const int32_t left1 = cfukit_shift_left(x1 - p->zero_point1, p->left_shift);
    const int32_t left2 = cfukit_shift_left(x2 - p->zero_point2, p->left_shift);
    const int32_t term1 = cfukit_multiply(left1, p->multiplier1, p->shift1);
    const int32_t term2 = cfukit_multiply(left2, p->multiplier2, p->shift2);
    const int32_t sum = cfukit_multiply(term1 + sign * term2, p->multiplier, p->shift) + p->output_zero_point;
    *out = (ELEMENT)cfukit_clamp(sum, p->activation_min, p->activation_max);
  });
}

#endif

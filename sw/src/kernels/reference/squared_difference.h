/* SQUARED_DIFFERENCE, element by element, of int8, or of the type that ELEMENT says. */
#ifndef CFUKIT_REFERENCE_SQUARED_DIFFERENCE_H
#define CFUKIT_REFERENCE_SQUARED_DIFFERENCE_H

#include "elementwise.h"

#ifndef ELEMENT
#define ELEMENT int8_t
#endif

static inline void squared_difference(const struct cfukit_binary *p) {
  FOR_EACH_PAIR(p, ELEMENT, {
    const int32_t left1 = cfukit_shift_left(x1 - p->zero_point1, p->left_shift);
    const int32_t left2 = cfukit_shift_left(x2 - p->zero_point2, p->left_shift);
    const int32_t difference =
        cfukit_multiply(left1, p->multiplier1, p->shift1) - cfukit_multiply(left2, p->multiplier2, p->shift2);
    const int32_t square = (int32_t)((uint32_t)difference * (uint32_t)difference);
    const int32_t scaled = cfukit_add(cfukit_multiply(square, p->multiplier, p->shift), p->output_zero_point);
    *out = (ELEMENT)cfukit_clamp(scaled, p->activation_min, p->activation_max);
  });
}

#endif

/* ADD and SUB int8: sign 1 or -1. */
#ifndef CFUKIT_PORTABLE_ADD_H
#define CFUKIT_PORTABLE_ADD_H

#include "elementwise.h"

#define ADD_LEFT 20 /* left_shift of int8 */

/* An input's term. The input with the larger scale has multiplier one half, so its term is an exact shift. */
static inline int32_t add_term(int32_t d, int32_t multiplier, int32_t right, int exact) {
  if (exact) return cfukit_shift_left(d, ADD_LEFT - 1);
  return cfukit_multiply_small(cfukit_shift_left(d, ADD_LEFT), multiplier, right);
}

static inline __attribute__((always_inline)) void add(const struct cfukit_binary *p, int32_t sign) {
  const int32_t zero_point1 = p->zero_point1, zero_point2 = p->zero_point2;
  const int32_t multiplier1 = p->multiplier1, right1 = -p->shift1, multiplier2 = p->multiplier2, right2 = -p->shift2;
  const int exact1 = multiplier1 == 1 << 30 && right1 == 0, exact2 = multiplier2 == 1 << 30 && right2 == 0;
  const int32_t low = p->activation_min, high = p->activation_max;
  const struct cfukit_rescale rescale = cfukit_rescale(p->multiplier, -p->shift, p->output_zero_point, low);
  FOR_EACH_CHUNK(p, add_term(x1 - zero_point1, multiplier1, right1, exact1), {
    const int32_t other = add_term(x2 - zero_point2, multiplier2, right2, exact2);
    *out = cfukit_output(&rescale, term + sign * other, low, high);
  });
}

#endif

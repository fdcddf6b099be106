/* PRELU int16 with int8 slopes, and LEAKY_RELU int16 with slope 1. */
#include "elementwise.h"

void cfukit_reference_prelu_int16(const void *params);

void cfukit_reference_prelu_int16(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR_OF(p, int16_t, int8_t, {
    const int32_t d = x1 - p->zero_point1;
    const int32_t scaled = d >= 0 ? cfukit_multiply(d, p->multiplier1, p->shift1)
                                  : cfukit_multiply(d * (x2 - p->zero_point2), p->multiplier, p->shift);
    *out = (int16_t)cfukit_clamp((int32_t)((uint32_t)scaled + (uint32_t)p->output_zero_point), INT16_MIN, INT16_MAX);
  });
}

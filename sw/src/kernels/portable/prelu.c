/* PRELU int8. */
#include "elementwise.h"

void cfukit_portable_prelu(const void *params);

void cfukit_portable_prelu(const void *params) {
  const struct cfukit_binary *p = params;
  const int32_t zero_point1 = p->zero_point1, zero_point2 = p->zero_point2, multiplier = p->multiplier, shift = p->shift;
  const int32_t multiplier1 = p->multiplier1, shift1 = p->shift1;
  const uint32_t output_zero_point = (uint32_t)p->output_zero_point;
  FOR_EACH_CHUNK(p, x1 - zero_point1, {
    const int32_t scaled = term >= 0 ? cfukit_multiply_any(term, multiplier1, shift1)
                                     : cfukit_multiply_any(term * (x2 - zero_point2), multiplier, shift);
    *out = (int8_t)cfukit_clamp((int32_t)((uint32_t)scaled + output_zero_point), INT8_MIN, INT8_MAX);
  });
}

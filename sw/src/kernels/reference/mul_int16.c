/* MUL int16. */
#include "elementwise.h"

void cfukit_reference_mul_int16(const void *params);

void cfukit_reference_mul_int16(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int16_t, {
    const int32_t product = (x1 - p->zero_point1) * (x2 - p->zero_point2);
    const int32_t scaled = cfukit_add(cfukit_multiply(product, p->multiplier, p->shift), p->output_zero_point);
    *out = (int16_t)cfukit_clamp(scaled, p->activation_min, p->activation_max);
  });
}

/* MUL int8 where the multiplier suits cfukit_rescale. */
#include "elementwise.h"

void cfukit_portable_mul(const void *params);

void cfukit_portable_mul(const void *params) {
  const struct cfukit_binary *p = params;
  const int32_t zero_point1 = p->zero_point1, zero_point2 = p->zero_point2, low = p->activation_min, high = p->activation_max;
  const struct cfukit_rescale rescale = cfukit_rescale(p->multiplier, -p->shift, p->output_zero_point, low);
  FOR_EACH_CHUNK(p, x1 - zero_point1, { *out = cfukit_output(&rescale, term * (x2 - zero_point2), low, high); });
}

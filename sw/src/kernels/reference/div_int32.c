/* DIV int32: truncates. */
#include "elementwise.h"

void cfukit_reference_div_int32(const void *params);

void cfukit_reference_div_int32(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int32_t, {
    if (x2 == 0) cfukit_refuse(p, 0);
    const int32_t quotient = x2 == -1 ? (int32_t)(0 - (uint32_t)x1) : x1 / x2;
    *out = cfukit_clamp(quotient, p->activation_min, p->activation_max);
  });
}

/* SUB int32, modulo 2^32, then clamped. */
#include "elementwise.h"

void cfukit_reference_sub_int32(const void *params);

void cfukit_reference_sub_int32(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int32_t, { *out = cfukit_clamp((int32_t)((uint32_t)x1 - (uint32_t)x2), p->activation_min, p->activation_max); });
}

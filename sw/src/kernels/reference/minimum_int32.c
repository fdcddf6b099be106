/* MINIMUM int32, on the stored values. */
#include "elementwise.h"

void cfukit_reference_minimum_int32(const void *params);

void cfukit_reference_minimum_int32(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int32_t, { *out = (int32_t)cfukit_min(x1, x2); });
}

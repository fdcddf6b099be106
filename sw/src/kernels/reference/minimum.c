/* MINIMUM int8, on the stored values. */
#include "elementwise.h"

void cfukit_reference_minimum(const void *params);

void cfukit_reference_minimum(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int8_t, { *out = (int8_t)cfukit_min(x1, x2); });
}

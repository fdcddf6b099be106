/* MAXIMUM int16, on the stored values. */
#include "elementwise.h"

void cfukit_reference_maximum_int16(const void *params);

void cfukit_reference_maximum_int16(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int16_t, { *out = (int16_t)cfukit_max(x1, x2); });
}

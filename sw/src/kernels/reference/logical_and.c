/* LOGICAL_AND: every bool is 0 or 1. */
#include "elementwise.h"

void cfukit_reference_logical_and(const void *params);

void cfukit_reference_logical_and(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, uint8_t, { *out = (uint8_t)(x1 & x2); });
}

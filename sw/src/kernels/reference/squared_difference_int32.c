/* SQUARED_DIFFERENCE int32, which wraps. */
#include "elementwise.h"

void cfukit_reference_squared_difference_int32(const void *params);

void cfukit_reference_squared_difference_int32(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int32_t, {
    const uint32_t difference = (uint32_t)x1 - (uint32_t)x2;
    *out = (int32_t)(difference * difference);
  });
}

/* GREATER_EQUAL of float32. */
#include "compare_float.h"

void cfukit_reference_greater_equal_float(const void *params);

void cfukit_reference_greater_equal_float(const void *params) {
  const struct cfukit_compare *p = params;
  COMPARE_FLOAT(p, a >= b);
}

/* REDUCE_MAX int8, on the stored values. */
#include "reduce.h"

void cfukit_reference_reduce_max(const void *params);

void cfukit_reference_reduce_max(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, int32_t largest = INT8_MIN, largest = cfukit_max(largest, x), *out = (int8_t)largest);
}

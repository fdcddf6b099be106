/* REDUCE_MIN int8, on the stored values. */
#include "reduce.h"

void cfukit_reference_reduce_min(const void *params);

void cfukit_reference_reduce_min(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, int32_t smallest = INT8_MAX, smallest = cfukit_min(smallest, x), *out = (int8_t)smallest);
}

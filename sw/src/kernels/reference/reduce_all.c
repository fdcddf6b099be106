/* REDUCE_ALL of bool: 0 or 1. */
#include "reduce.h"

void cfukit_reference_reduce_all(const void *params);

void cfukit_reference_reduce_all(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, int32_t all = 1, all &= x != 0, *out = (int8_t)all);
}

/* REDUCE_MIN float32. */
#define ELEMENT float
#define REDUCED float
#include "reduce.h"

void cfukit_reference_reduce_min_float(const void *params);

void cfukit_reference_reduce_min_float(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, float smallest = 3.4028234663852886e38f, if (x < smallest) smallest = x, *out = smallest);
}

/* MEAN and SUM float32. */
#define ELEMENT float
#define REDUCED float
#include "float.h"
#include "reduce.h"

void cfukit_reference_reduce_float(const void *params);

void cfukit_reference_reduce_float(const void *params) {
  const struct cfukit_reduce *p = params;
  const float divisor = float_of(p->multiplier);
  FOR_EACH_OUTPUT(p, float sum = 0, sum += x, *out = sum / divisor);
}

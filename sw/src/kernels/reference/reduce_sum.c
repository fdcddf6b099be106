/* MEAN and SUM int8: the mean's division is part of the multiplier. */
#include "reduce.h"

void cfukit_reference_reduce_sum(const void *params);

void cfukit_reference_reduce_sum(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, int32_t sum = -p->sum_zero_point, sum += x, {
    const int32_t scaled = cfukit_add(cfukit_multiply(sum, p->multiplier, p->shift), p->output_zero_point);
    *out = (int8_t)cfukit_clamp(scaled, INT8_MIN, INT8_MAX);
  });
}

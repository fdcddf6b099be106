/* MEAN and SUM int16: the mean's division is part of the multiplier. */
#define ELEMENT int16_t
#include "reduce.h"

void cfukit_reference_reduce_sum_int16(const void *params);

void cfukit_reference_reduce_sum_int16(const void *params) {
  const struct cfukit_reduce *p = params;
  FOR_EACH_OUTPUT(p, int32_t sum = -p->sum_zero_point, sum = cfukit_add(sum, x), {
    const int32_t scaled = cfukit_add(cfukit_multiply(sum, p->multiplier, p->shift), p->output_zero_point);
    *out = (int16_t)cfukit_clamp(scaled, INT16_MIN, INT16_MAX);
  });
}

/* BATCH_MATMUL int8. */
#include "batch_matmul.h"

void cfukit_reference_batch_matmul(const void *params);

void cfukit_reference_batch_matmul(const void *params) {
  const struct cfukit_batch_matmul *p = params;
  BATCH_MATMUL(p, int8_t, int32_t,
               cfukit_clamp(cfukit_add(cfukit_multiply(sum, p->multiplier, p->shift), p->output_zero_point), INT8_MIN, INT8_MAX));
}

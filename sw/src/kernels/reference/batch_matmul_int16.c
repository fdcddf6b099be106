/* BATCH_MATMUL int16. */
#include "batch_matmul.h"

void cfukit_reference_batch_matmul_int16(const void *params);

void cfukit_reference_batch_matmul_int16(const void *params) {
  const struct cfukit_batch_matmul *p = params;
  BATCH_MATMUL(p, int16_t, int64_t,
               cfukit_clamp(cfukit_multiply_wide(sum, p->multiplier, p->shift), INT16_MIN, INT16_MAX));
}

/* TANH int16. */
#include "cfukit_kernels.h"
#include "sigmoid.h"

void cfukit_reference_tanh_int16(const void *params);

void cfukit_reference_tanh_int16(const void *params) {
  const struct cfukit_sigmoid *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    p->output[i] = (int16_t)tanh16(p->table, table_argument(p->input[i], p->multiplier, p->shift));
  }
}

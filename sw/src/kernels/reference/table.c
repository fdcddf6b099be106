/* Any function of one int8_t by table: LOGISTIC, TANH, RELU, RELU6, LEAKY_RELU, HARD_SWISH, QUANTIZE int8 -> int8. */
#include "cfukit_kernels.h"

void cfukit_reference_table(const void *params);

void cfukit_reference_table(const void *params) {
  const struct cfukit_table *p = params;
  const int8_t *table = p->table + 128;
  for (int32_t i = 0; i < p->count; i++) p->output[i] = table[p->input[i]];
}

/* ADD_N float32. */
#include "cfukit_kernels.h"

void cfukit_reference_add_n_float(const void *params);

void cfukit_reference_add_n_float(const void *params) {
  const struct cfukit_add_n *p = params;
  float *output = (float *)(void *)p->output;
  for (int32_t i = 0; i < p->count; i++) {
    float sum = 0;
    for (int32_t n = 0; n < p->n_inputs; n++) sum += ((const float *)(const void *)p->inputs[n].input)[i];
    output[i] = sum;
  }
}

/* ELU float32. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_elu_float(const void *params);

void cfukit_reference_elu_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = x < 0 ? float_exp_minus_1(x) : x;
  }
}

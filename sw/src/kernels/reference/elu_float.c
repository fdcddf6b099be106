/* ELU float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_elu_float(const void *params);

void cfukit_reference_elu_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    const double real = (double)x; /* close to zero the series is more accurate */
    p->output[i] = !(x < 0) ? x : (float)(real > -1e-4 ? real + real * real * 0.5 : float_exp(real) - 1.0);
  }
}

/* TANH float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_tanh_float(const void *params);

void cfukit_reference_tanh_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    const double e = float_exp(2.0 * (double)x);
    p->output[i] = x < 1e-4f && x > -1e-4f ? x : (float)((e - 1.0) / (e + 1.0));
  }
}

/* RELU and RELU6 float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_rectifier_float(const void *params);

void cfukit_reference_rectifier_float(const void *params) {
  const struct cfukit_float *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float x = p->input[i];
    p->output[i] = float_clamp(x, p->low_bits, p->high_bits);
  }
}

/* L2_NORMALIZATION float32. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_l2_normalization_float(const void *params);

void cfukit_reference_l2_normalization_float(const void *params) {
  const struct cfukit_float *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->count; row++, input += p->depth, output += p->depth) {
    float sum = 0;
    for (int32_t c = 0; c < p->depth; c++) sum += input[c] * input[c];
    const float root = square_root(sum), length = root < 1e-6f ? 1e-6f : root;
    for (int32_t c = 0; c < p->depth; c++) output[c] = input[c] / length;
  }
}

/* SOFTMAX float32. */
#include "cfukit_kernels.h"
#include "exponential.h"

void cfukit_reference_softmax_float(const void *params);

void cfukit_reference_softmax_float(const void *params) {
  const struct cfukit_float *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->count; row++, input += p->depth, output += p->depth) {
    float largest = input[0], sum = 0;
    for (int32_t c = 1; c < p->depth; c++) largest = input[c] > largest ? input[c] : largest;
    for (int32_t c = 0; c < p->depth; c++) {
      const float scaled = (input[c] - largest) * float_of(p->low_bits);
      output[c] = float_exp(scaled);
      sum += output[c];
    }
    for (int32_t c = 0; c < p->depth; c++) output[c] = output[c] / sum;
  }
}

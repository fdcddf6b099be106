/* LOG_SOFTMAX float32. */
#include "cfukit_kernels.h"
#include "exponential.h"
#include "logarithm.h"

void cfukit_reference_log_softmax_float(const void *params);

void cfukit_reference_log_softmax_float(const void *params) {
  const struct cfukit_float *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->count; row++, input += p->depth, output += p->depth) {
    float largest = -3.4028234663852886e38f, sum = 0;
    for (int32_t c = 0; c < p->depth; c++) largest = input[c] > largest ? input[c] : largest;
    for (int32_t c = 0; c < p->depth; c++) sum += float_exp(input[c] - largest);
    const float log = float_log(sum);
    for (int32_t c = 0; c < p->depth; c++) output[c] = input[c] - largest - log;
  }
}

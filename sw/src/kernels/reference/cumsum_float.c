/* CUMSUM float32. */
#include "cumsum.h"

void cfukit_reference_cumsum_float(const void *params);

void cfukit_reference_cumsum_float(const void *params) {
  const struct cfukit_cumsum *p = params;
  const float *input = p->input;
  float *output = p->output;
  FOR_EACH_ROW(p, float sum = 0, {
    const float before = sum;
    sum += input[at];
    output[at] = p->exclusive ? before : sum;
  });
}

/* CUMSUM int8. */
#include "cfukit_fixed_point.h"
#include "cumsum.h"

void cfukit_reference_cumsum(const void *params);

void cfukit_reference_cumsum(const void *params) {
  const struct cfukit_cumsum *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  FOR_EACH_ROW(p, int32_t sum = p->begin, {
    const int32_t x = cfukit_shift_left(input[at] - p->input_zero_point, p->left_shift), before = sum;
    sum = cfukit_add(sum, cfukit_multiply(x, p->input_multiplier, p->input_shift));
    const int32_t scaled = cfukit_multiply(p->exclusive ? before : sum, p->multiplier, p->shift);
    output[at] = (int8_t)cfukit_clamp(cfukit_add(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
  });
}

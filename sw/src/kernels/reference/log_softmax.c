/* LOG_SOFTMAX int8, in the form of TFLM's reference kernel: two passes. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_log_softmax(const void *params);

void cfukit_reference_log_softmax(const void *params) {
  const struct cfukit_log_softmax *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; row++, input += p->depth, output += p->depth) {
    int32_t largest = INT8_MIN, sum = 0; /* Q12.19 */
    for (int32_t c = 0; c < p->depth; c++) largest = cfukit_max(largest, input[c]);
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t d = input[c] - largest;
      if (d < p->difference_min) continue;
      const int32_t z = cfukit_multiply(d, p->multiplier, p->left_shift);
      sum += cfukit_rounding_shift(cfukit_exp(z, 5, cfukit_srdhm), 12);
    }
    const int32_t log = cfukit_log_above_one(sum); /* Q5.26 */
    const int32_t reverse = cfukit_multiply(cfukit_add(log, INT32_MIN), p->reverse_multiplier, p->reverse_shift);
    const int32_t lowest = cfukit_max(p->difference_min - 1, reverse);
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t d = input[c] - largest;
      int32_t result = INT8_MIN;
      if (d > lowest) {
        const int32_t z = cfukit_multiply(d, p->multiplier, p->left_shift);
        result = cfukit_clamp(cfukit_rounding_shift(cfukit_add(z, -log), 22) + 127, INT8_MIN, INT8_MAX);
      }
      output[c] = (int8_t)result;
    }
  }
}

/* SOFTMAX int16 -> int16 with tables, in the form of TFLM's reference kernel. The output holds the exponentials for a while. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_softmax_table(const void *params);

static int32_t looked_up(const int16_t *table, int32_t value) {
  const int32_t index = (value >> 7) + 256;
  return table[index] + (((table[index + 1] - table[index]) * (value & 127) + 64) >> 7);
}

void cfukit_reference_softmax_table(const void *params) {
  const struct cfukit_softmax_table *p = params;
  const int16_t *input = p->input;
  int16_t *output = p->output;
  for (int32_t row = 0; row < p->rows; row++, input += p->depth, output += p->depth) {
    int32_t largest = INT16_MIN;
    for (int32_t c = 0; c < p->depth; c++) largest = cfukit_max(largest, input[c]);
    uint32_t sum = 0;
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t below = cfukit_multiply(input[c] - largest, p->multiplier, p->shift);
      const int32_t e = looked_up(p->exponentials, cfukit_clamp(cfukit_add(below, INT16_MAX), INT16_MIN, INT16_MAX));
      output[c] = (int16_t)e;
      sum += (uint32_t)e;
    }
    const int32_t zeros = __builtin_clz(sum);
    const int32_t shifted = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
    const int32_t reciprocal =
        looked_up(p->reciprocals, cfukit_clamp(shifted - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX));
    const int32_t right = 31 - zeros;
    for (int32_t c = 0; c < p->depth; c++) {
      const int32_t scaled = (int32_t)(((int64_t)output[c] * reciprocal + (INT64_C(1) << (right - 1))) >> right);
      output[c] = (int16_t)cfukit_clamp(scaled, 0, INT16_MAX);
    }
  }
}

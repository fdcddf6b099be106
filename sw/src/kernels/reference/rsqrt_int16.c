/* RSQRT int16. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_rsqrt_int16(const void *params);

void cfukit_reference_rsqrt_int16(const void *params) {
  const struct cfukit_quantize *p = params;
  const int16_t *const input = p->input;
  int16_t *const output = p->output;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t x = input[i];
    if (x < 0) cfukit_refuse(p, (uint32_t)x);
    int32_t shift, result = INT16_MAX; /* of 0 */
    if (x > 0) {
      const int32_t root = cfukit_inverse_square_root(x, &shift);
      const int32_t one = cfukit_multiply(1, root, shift + 20);
      result = cfukit_multiply(one, p->multiplier, p->shift - 20);
    }
    output[i] = (int16_t)cfukit_clamp(result, INT16_MIN, INT16_MAX);
  }
}

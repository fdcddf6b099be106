/* MINIMUM int64. */
#include "elementwise.h"

void cfukit_reference_minimum_int64(const void *params);

typedef int64_t __attribute__((aligned(4))) word64; /* tensors begin at words */

void cfukit_reference_minimum_int64(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_RUN(p, word64, {
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) *out = a[0] < b[0] ? a[0] : b[0];
  });
}

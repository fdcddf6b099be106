/* PRELU float32. */
#include "elementwise.h"

void cfukit_reference_prelu_float(const void *params);

void cfukit_reference_prelu_float(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_RUN(p, float, {
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) *out = a[0] >= 0 ? a[0] : a[0] * b[0];
  });
}

/* FLOOR_DIV float32. */
#include "elementwise.h"
#include "float.h"

void cfukit_reference_floor_div_float(const void *params);

void cfukit_reference_floor_div_float(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_RUN(p, float, {
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) *out = float_floor(a[0] / b[0]);
  });
}

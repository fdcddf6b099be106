/* FLOOR_DIV float32. The quotient is a double, as in TFLM, and rounded to float32 after its floor. */
#include "elementwise.h"

void cfukit_reference_floor_div_float(const void *params);

static double double_floor(double x) {
  if (!(x > -4503599627370496.0 && x < 4503599627370496.0) || x == 0) return x; /* whole, infinite, or not a number */
  const double whole = (double)(int64_t)x;
  return whole > x ? whole - 1.0 : whole;
}

void cfukit_reference_floor_div_float(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_RUN(p, float, {
    for (int32_t i4 = count; i4 > 0; i4--, a += a_stride, b += b_stride, out++) *out = (float)double_floor((double)a[0] / (double)b[0]);
  });
}

/* DIV int8. */
#include "elementwise.h"

void cfukit_reference_div(const void *params);

/* As TFLM does it, e 0 .. 62: beyond 31 the shift counts modulo 32, and all of x is the remainder. */
static int32_t rounding_shift(int32_t x, int32_t e) {
  const int32_t mask = (int32_t)(((uint64_t)1 << e) - 1), remainder = x & mask;
  return (x >> (e & 31)) + (remainder > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0);
}

/* a / b with all headroom of a, rescaled; b > 0. */
static int32_t quotient(const struct cfukit_binary *p, int32_t a, int32_t b) {
  const int32_t zeros = __builtin_clz((uint32_t)b);
  const int32_t reciprocal = cfukit_reciprocal_1p((int32_t)(((uint32_t)b << zeros) - 0x80000000u), cfukit_srdhm);
  const uint32_t size = (uint32_t)(a < 0 ? -a - 1 : a);
  const int32_t headroom = size == 0 ? 31 : __builtin_clz(size) - 1;
  const int32_t unscaled = cfukit_srdhm(cfukit_shift_left(a, headroom), reciprocal);
  return rounding_shift(cfukit_srdhm(unscaled, p->multiplier), 31 - zeros + headroom - p->shift);
}

void cfukit_reference_div(const void *params) {
  const struct cfukit_binary *p = params;
  FOR_EACH_PAIR(p, int8_t, {
    const int32_t b = x2 - p->zero_point2;
    if (b == 0) cfukit_refuse(p, 0);
    const int32_t scaled = cfukit_add(quotient(p, b < 0 ? p->zero_point1 - x1 : x1 - p->zero_point1, b < 0 ? -b : b), p->output_zero_point);
    *out = (int8_t)cfukit_clamp(scaled, p->activation_min, p->activation_max);
  });
}

/* The natural logarithm of float32: x = 2^n * m with m next to 1, and the series of log((1 + s) / (1 - s)). */
#ifndef CFUKIT_REFERENCE_LOGARITHM_H
#define CFUKIT_REFERENCE_LOGARITHM_H

#include "float.h"

static inline float float_log(float x) {
  if (x != x || x < 0) return float_of(0x7FC00000);
  if (x == 0) return float_of(-0x800000); /* -infinity */
  if (x > 3.4028234663852886e38f) return x;
  union {
    double value;
    uint64_t bits;
  } real = {(double)x};
  int32_t n = (int32_t)(real.bits >> 52) - 1022;
  real.bits = (real.bits & 0xFFFFFFFFFFFFFu) | ((uint64_t)1022 << 52);
  if (real.value < 0.7071067811865476) {
    real.value *= 2.0;
    n--;
  }
  const double s = (real.value - 1.0) / (real.value + 1.0), z = s * s;
  double sum = 0;
  for (int32_t k = 21; k > 0; k -= 2) sum = sum * z + 1.0 / k;
  return (float)(n * 0.6931471803691238 + (2.0 * s * sum + n * 1.9082149292705877e-10));
}

#endif

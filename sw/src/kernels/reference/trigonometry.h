/* Sine and cosine in double for any float32: |x| is reduced to a number of quarter turns and a rest of at most an eighth of a turn. */
#ifndef CFUKIT_REFERENCE_TRIGONOMETRY_H
#define CFUKIT_REFERENCE_TRIGONOMETRY_H

#include "float.h"

struct angle {
  uint32_t quarters; /* only its two lowest bits count */
  double rest;
};

/* x: finite, not negative. 2 / pi has 224 bits here; the product with the 24 bits of x keeps 62 of them behind the quarters. */
static inline struct angle angle_of(float x) {
  static const uint32_t two_by_pi[8] = {0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB};
  if (x <= 0.785398185253143310546875f) return (struct angle){0, (double)x};
  const uint32_t bits = (uint32_t)bits_of(x), mantissa = (bits & 0x7FFFFF) | 0x800000;
  const uint32_t place = (bits >> 23) - 120, word = place >> 5, shift = place & 31;
  uint32_t window[3];
  for (uint32_t i = 0; i < 3; i++) {
    window[i] = (uint32_t)(((((uint64_t)two_by_pi[word + i] << 32) | two_by_pi[word + i + 1]) << shift) >> 32);
  }
  const uint64_t turns = ((uint64_t)(mantissa * window[0]) << 32) + (uint64_t)mantissa * window[1] + (((uint64_t)mantissa * window[2]) >> 32);
  const uint64_t quarters = (turns + ((uint64_t)1 << 61)) >> 62;
  return (struct angle){(uint32_t)quarters, (double)(int64_t)(turns - (quarters << 62)) * 3.4061215800865545e-19}; /* pi / 2^63 */
}

static inline double sine_of(double r) {
  const double z = r * r;
  double sum = -1.0 / 1307674368000.0;
  sum = sum * z + 1.0 / 6227020800.0;
  sum = sum * z - 1.0 / 39916800.0;
  sum = sum * z + 1.0 / 362880.0;
  sum = sum * z - 1.0 / 5040.0;
  sum = sum * z + 1.0 / 120.0;
  sum = sum * z - 1.0 / 6.0;
  return r + r * z * sum;
}

static inline double cosine_of(double r) {
  const double z = r * r;
  double sum = 1.0 / 20922789888000.0;
  sum = sum * z - 1.0 / 87178291200.0;
  sum = sum * z + 1.0 / 479001600.0;
  sum = sum * z - 1.0 / 3628800.0;
  sum = sum * z + 1.0 / 40320.0;
  sum = sum * z - 1.0 / 720.0;
  sum = sum * z + 1.0 / 24.0;
  sum = sum * z - 0.5;
  return 1.0 + z * sum;
}

/* The sine of x + quarters * pi / 2. */
static inline float sine(float x, uint32_t quarters) {
  if (!(x - x == 0)) return x - x; /* infinite, or not a number */
  const int negative = x < 0 && quarters == 0;
  const struct angle angle = angle_of(x < 0 ? -x : x);
  const uint32_t turned = angle.quarters + quarters;
  const double result = turned & 1 ? cosine_of(angle.rest) : sine_of(angle.rest);
  return (float)(((turned & 2) != 0) != negative ? -result : result);
}

#endif

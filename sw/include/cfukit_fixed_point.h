/* The integer arithmetic of quantised operators, bit for bit that of TFLM's reference kernels (double rounding).
 *
 * A multiplier is a pair (M, shift) that stands for M * 2^(shift - 31), 2^30 <= M < 2^31 or M = 0; shift > 0 is a left shift.
 * Qi means i integer bits and 31 - i fraction bits in an int32_t.
 * Right shifts of negative integers are arithmetic and conversions wrap on every compiler that this project uses.
 */
#ifndef CFUKIT_FIXED_POINT_H
#define CFUKIT_FIXED_POINT_H

#include <stdint.h>

static inline int32_t cfukit_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t cfukit_max(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t cfukit_clamp(int32_t x, int32_t low, int32_t high) { return cfukit_min(cfukit_max(x, low), high); }

/* a + b modulo 2^32, as TFLM's int32_t does in effect. */
static inline int32_t cfukit_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/* x * 2^e modulo 2^32. */
static inline int32_t cfukit_shift_left(int32_t x, int32_t e) { return (int32_t)((uint32_t)x << e); }

/* Rounding doubling high multiplication: a * b / 2^31, nearest, halves up; saturates for a = b = -2^31. */
static inline int32_t cfukit_srdhm(int32_t a, int32_t b) {
  const int overflow = a == b && a == INT32_MIN;
  const int64_t product = (int64_t)a * b;
  const int64_t nudge = product >= 0 ? (1LL << 30) : 1 - (1LL << 30);
  const int32_t high = (int32_t)((product + nudge) / (1LL << 31));
  return overflow ? INT32_MAX : high;
}

/* x / 2^e, nearest, halves away from zero; 0 <= e <= 31. */
static inline int32_t cfukit_rounding_shift(int32_t x, int32_t e) {
  const int32_t mask = (int32_t)((1LL << e) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> e) + (remainder > threshold ? 1 : 0);
}

/* x * M * 2^(shift - 31) with both roundings, for any x. */
static inline int32_t cfukit_multiply(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return cfukit_rounding_shift(cfukit_srdhm(cfukit_shift_left(x, left), multiplier), right);
}

/* x * M * 2^(shift - 31) for 64-bit sums, |x| < 2^47, -31 <= shift <= 7: M is rounded to 16 bits, then there is one rounding. */
static inline int32_t cfukit_multiply_wide(int64_t x, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
  return (int32_t)((x * reduced + (INT64_C(1) << (14 - shift))) >> (15 - shift));
}

/* The same value as cfukit_srdhm without branches, for all but a = b = -2^31: it is floor(a * b / 2^31 + 1/2). */
static inline int32_t cfukit_srdhm_any(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }

/* The same value as cfukit_multiply in a third of the instructions, for every x; M >= 0. */
static inline int32_t cfukit_multiply_any(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = left - shift;
  return cfukit_rounding_shift(cfukit_srdhm_any(cfukit_shift_left(x, left), multiplier), right);
}

/* The high half of the 64-bit product: one `mulh`. */
static inline int32_t cfukit_mulh(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b) >> 32); }

/* The same value as cfukit_multiply(x, M, -right) in a third of the instructions, for |x| < 2^29, M >= 0, 0 <= right <= 31.
 * SRDHM is floor(x * M / 2^31 + 1/2) = (floor(x * M / 2^30) + 1) >> 1; `nudge` is the half of 2^right, one less below zero.
 */
static inline int32_t cfukit_multiply_small(int32_t x, int32_t multiplier, int32_t right) {
  const int32_t high = (cfukit_mulh(cfukit_shift_left(x, 2), multiplier) + 1) >> 1;
  const uint32_t nudge = ((1u << right) + (uint32_t)(high >> 31)) >> 1;
  return (high + (int32_t)nudge) >> right;
}

/* From sums to int8_t outputs in few cycles: clamp(cfukit_multiply(sum, M, -right) + zero_point, low, high) for |sum| < 2^29,
 * 0 <= right <= 20, with everything that does not depend on the sum computed before the loop.
 *
 * With y = floor(sum * M / 2^30) both roundings and the zero point are one: (y + half - 2 * (y < negative)) >> shift.
 */
struct cfukit_rescale {
  int32_t multiplier, shift, half, negative;
};

static inline struct cfukit_rescale cfukit_rescale(int32_t multiplier, int32_t right, int32_t zero_point, int32_t low) {
  const struct cfukit_rescale r = {
      .multiplier = multiplier,
      .shift = right + 1,
      .half = 1 + (right ? cfukit_shift_left(1, right) : 0) + cfukit_shift_left(zero_point - low, right + 1),
      .negative = right ? -1 : INT32_MIN,
  };
  return r;
}

/* What the output is above `low`, not yet below `high`. */
static inline int32_t cfukit_above_low(const struct cfukit_rescale *r, int32_t sum) {
  const int32_t y = cfukit_mulh(cfukit_shift_left(sum, 2), r->multiplier);
  const int32_t above = (y + r->half - 2 * (y < r->negative)) >> r->shift;
  return above > 0 ? above : 0; /* compilers do this without a branch */
}

/* One output. */
static inline int8_t cfukit_output(const struct cfukit_rescale *r, int32_t sum, int32_t low, int32_t high) {
  int32_t above = cfukit_above_low(r, sum);
  if (__builtin_expect(above > high - low, 0)) above = high - low;
  return (int8_t)(above + low);
}

/* Two outputs of one channel: one branch for both, and each fills the other's waits. */
static inline void cfukit_output_pair(const struct cfukit_rescale *r, int32_t sum_a, int32_t sum_b, int32_t low, int32_t high,
                                      int8_t *out_a, int8_t *out_b) {
  int32_t a = cfukit_above_low(r, sum_a), b = cfukit_above_low(r, sum_b);
  if (__builtin_expect(((a | b) & ~255) != 0 || high - low != 255, 0)) {
    a = a < high - low ? a : high - low;
    b = b < high - low ? b : high - low;
  }
  *out_b = (int8_t)(b + low);
  *out_a = (int8_t)(a + low);
}

/* x * 2^e, saturated to int32_t; e >= 0. */
static inline int32_t cfukit_shift_saturated(int32_t x, int32_t e) {
  const int32_t limit = INT32_MAX >> e;
  return x > limit ? INT32_MAX : x < -limit - 1 ? INT32_MIN : cfukit_shift_left(x, e);
}

/* For those that take either of the two: cfukit_srdhm as TFLM has it, or cfukit_srdhm_any, which is faster. */
typedef int32_t cfukit_srdhm_function(int32_t a, int32_t b);

/* exp(a) in Q0 for a <= 0 in Q(integer_bits), integer_bits <= 5. */
static inline __attribute__((always_inline)) int32_t cfukit_exp(int32_t a, int32_t integer_bits, cfukit_srdhm_function *srdhm) {
  static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (a == 0) return INT32_MAX;
  const int32_t fraction_bits = 31 - integer_bits;
  const int32_t quarter = (int32_t)1 << (fraction_bits - 2);
  const int32_t low = (a & (quarter - 1)) - quarter;
  const int32_t x = cfukit_shift_left(low, integer_bits) + (1 << 28);
  const int32_t x2 = srdhm(x, x), x3 = srdhm(x2, x), x4 = srdhm(x2, x2);
  const int32_t tail = srdhm(cfukit_rounding_shift(x4, 2) + x3, 715827883) + x2; /* 1/3 */
  int32_t result = 1895147668 + srdhm(1895147668, x + cfukit_rounding_shift(tail, 1)); /* exp(-1/8) */
  const int32_t remainder = low - a;
  for (int32_t e = -2; e < integer_bits; e++) { /* factors: exp(-2^e) */
    if ((remainder >> (fraction_bits + e)) & 1) result = srdhm(result, factors[e + 2]);
  }
  return result;
}

/* 1 / (1 + f) in Q0 for 0 <= f <= 1 in Q0, by three Newton steps. */
static inline __attribute__((always_inline)) int32_t cfukit_reciprocal_1p(int32_t f, cfukit_srdhm_function *srdhm) {
  const int64_t sum = (int64_t)f + INT32_MAX;
  const int32_t half = (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
  int32_t x = 1515870810 + srdhm(half, -1010580540); /* 48/17 - 32/17 * half in Q2 */
  for (int step = 0; step < 3; step++) {
    x += cfukit_shift_saturated(srdhm(x, (1 << 29) - srdhm(half, x)), 2);
  }
  return cfukit_shift_saturated(x, 1);
}

/* The natural logarithm of x >= 1 in Q12, result in Q5. */
static inline int32_t cfukit_log_above_one(int32_t x) {
  const int32_t quarter = 1 << 23, sqrt_half = 1518500250, sqrt_sqrt_half = 1805811301; /* quarter in Q6 */
  const int32_t zeros = __builtin_clz((uint32_t)x);
  const int32_t scaled = cfukit_shift_saturated(cfukit_srdhm(cfukit_shift_saturated(x, zeros - 1), sqrt_half), 1);
  const int32_t headroom = __builtin_clz((uint32_t)cfukit_srdhm(x, sqrt_half)) - 1;
  const int32_t r = cfukit_min(scaled, cfukit_shift_saturated(x, headroom));
  const int32_t power = cfukit_max(cfukit_shift_left(12 - zeros, 25) + quarter, cfukit_shift_left(12 - headroom, 25) - quarter);
  const int64_t sum = (int64_t)r + sqrt_sqrt_half;
  const int32_t p = (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2), q = 2 * (r - sqrt_sqrt_half), square = cfukit_srdhm(q, q);
  const int32_t numerator = cfukit_srdhm(q, r) + cfukit_srdhm(cfukit_srdhm(q, square), 117049297);
  const int32_t denominator =
      cfukit_srdhm(p, 1057819769 + q + cfukit_srdhm(square, 127690142)) + cfukit_srdhm(q, 638450708);
  const int32_t fraction = cfukit_srdhm(cfukit_rounding_shift(numerator, 6), cfukit_reciprocal_1p(denominator, cfukit_srdhm));
  return cfukit_shift_saturated(cfukit_srdhm(power, 1488522236) + fraction, 1);
}

/* 1 / sqrt(x) as multiplier and shift, x >= 0, by five Newton steps; 0 counts as 1. */
static inline int32_t cfukit_inverse_square_root(int32_t x, int32_t *shift) {
  if (x <= 1) return *shift = 0, INT32_MAX;
  int32_t right = 11;
  for (; x >= 1 << 29; x /= 4) right++;
  const int32_t pairs = (__builtin_clz((uint32_t)x) - 1) / 2 - 1;
  right -= pairs;
  x <<= 2 * pairs;
  const int32_t half = cfukit_rounding_shift(x >> 1, 1);
  int32_t root = 1 << 28;
  for (int step = 0; step < 5; step++) {
    const int32_t cube = cfukit_shift_saturated(cfukit_srdhm(cfukit_srdhm(root, root), root), 6);
    root = cfukit_shift_saturated(cfukit_srdhm(root, (1 << 28) + (1 << 27)) - cfukit_srdhm(half, cube), 3);
  }
  const int32_t multiplier = cfukit_srdhm(root, 1518500250);
  *shift = right < 0 ? 0 : -right;
  return right < 0 ? cfukit_shift_left(multiplier, -right) : multiplier;
}

#endif

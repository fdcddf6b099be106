/* The transforms of SignalRfft and SignalIrfft, as KISS FFT computes them (sw/cfukit_sw/fft.py has the rules).
 *
 * A kernel says what a value is before it includes this: VALUE its type, WIDE a type for products, BITS of VALUE (0: float). */
#pragma once
#include "cfukit_kernels.h"

struct pair {
  VALUE re, im;
};

struct stages {
  const struct pair *twiddles;
  const int32_t *radices;
  int32_t inverse;
};

#if BITS
static inline VALUE rounded(WIDE product) {
  return (VALUE)((product + ((WIDE)1 << (BITS - 2))) >> (BITS - 1));
}
static inline VALUE plus(VALUE a, VALUE b) {
  return (VALUE)((uint32_t)a + (uint32_t)b);
}
static inline VALUE minus(VALUE a, VALUE b) {
  return (VALUE)((uint32_t)a - (uint32_t)b);
}
/* A sum of int16_t has 32 bits. */
static inline VALUE half_of_sum(VALUE a, VALUE b) {
  return (VALUE)((int32_t)((uint32_t)a + (uint32_t)b) >> 1);
}
static inline VALUE half_of_difference(VALUE a, VALUE b) {
  return (VALUE)((int32_t)((uint32_t)a - (uint32_t)b) >> 1);
}
static inline struct pair divided(struct pair a, int32_t radix) {
  const VALUE factor = (VALUE)((((WIDE)1 << (BITS - 1)) - 1) / radix);
  return (struct pair){rounded((WIDE)a.re * factor), rounded((WIDE)a.im * factor)};
}
#else
static inline VALUE rounded(WIDE product) {
  return product;
}
static inline VALUE plus(VALUE a, VALUE b) {
  return a + b;
}
static inline VALUE minus(VALUE a, VALUE b) {
  return a - b;
}
static inline VALUE half_of_sum(VALUE a, VALUE b) {
  return (a + b) * 0.5f;
}
static inline VALUE half_of_difference(VALUE a, VALUE b) {
  return (a - b) * 0.5f;
}
static inline struct pair divided(struct pair a, int32_t radix) {
  (void)radix;
  return a;
}
#endif

static inline struct pair add(struct pair a, struct pair b) {
  return (struct pair){plus(a.re, b.re), plus(a.im, b.im)};
}
static inline struct pair subtract(struct pair a, struct pair b) {
  return (struct pair){minus(a.re, b.re), minus(a.im, b.im)};
}
static inline struct pair scaled(struct pair a, VALUE factor) {
  return (struct pair){rounded((WIDE)a.re * factor), rounded((WIDE)a.im * factor)};
}
static inline struct pair times(struct pair a, struct pair w) {
  return (struct pair){rounded((WIDE)a.re * w.re - (WIDE)a.im * w.im), rounded((WIDE)a.re * w.im + (WIDE)a.im * w.re)};
}
/* a + i b and a - i b */
static inline struct pair add_turned(struct pair a, struct pair b) {
  return (struct pair){minus(a.re, b.im), plus(a.im, b.re)};
}
static inline struct pair subtract_turned(struct pair a, struct pair b) {
  return (struct pair){plus(a.re, b.im), minus(a.im, b.re)};
}

static void two(struct pair *x, int32_t m, int32_t stride, const struct stages *s) {
  for (int32_t k = 0; k < m; k++, x++) {
    const struct pair a = divided(x[0], 2), b = times(divided(x[m], 2), s->twiddles[k * stride]);
    x[0] = add(a, b);
    x[m] = subtract(a, b);
  }
}

static void three(struct pair *x, int32_t m, int32_t stride, const struct stages *s) {
  const VALUE slope = s->twiddles[stride * m].im;
  const struct pair none = {0, 0};
  for (int32_t k = 0; k < m; k++, x++) {
    const struct pair *w = s->twiddles, a = divided(x[0], 3);
    const struct pair b = times(divided(x[m], 3), w[k * stride]), c = times(divided(x[2 * m], 3), w[2 * k * stride]);
    const struct pair total = add(b, c), turned = scaled(subtract(b, c), slope);
    const struct pair half = {half_of_sum(total.re, none.re), half_of_sum(total.im, none.im)}, middle = subtract(a, half);
    x[0] = add(a, total);
    x[m] = add_turned(middle, turned);
    x[2 * m] = subtract_turned(middle, turned);
  }
}

static void four(struct pair *x, int32_t m, int32_t stride, const struct stages *s) {
  for (int32_t k = 0; k < m; k++, x++) {
    const struct pair *w = s->twiddles, a = divided(x[0], 4), b = times(divided(x[m], 4), w[k * stride]);
    const struct pair c = times(divided(x[2 * m], 4), w[2 * k * stride]), d = times(divided(x[3 * m], 4), w[3 * k * stride]);
    const struct pair even = add(a, c), odd = add(b, d), apart = subtract(a, c), turned = subtract(b, d);
    x[0] = add(even, odd);
    x[2 * m] = subtract(even, odd);
    x[m] = s->inverse ? add_turned(apart, turned) : subtract_turned(apart, turned);
    x[3 * m] = s->inverse ? subtract_turned(apart, turned) : add_turned(apart, turned);
  }
}

static void five(struct pair *x, int32_t m, int32_t stride, const struct stages *s) {
  const struct pair *w = s->twiddles, ya = w[stride * m], yb = w[2 * stride * m];
  for (int32_t k = 0; k < m; k++, x++) {
    const struct pair a = divided(x[0], 5);
    const struct pair b = times(divided(x[m], 5), w[k * stride]), c = times(divided(x[2 * m], 5), w[2 * k * stride]);
    const struct pair d = times(divided(x[3 * m], 5), w[3 * k * stride]), e = times(divided(x[4 * m], 5), w[4 * k * stride]);
    const struct pair outer = add(b, e), inner = add(c, d), outside = subtract(b, e), inside = subtract(c, d);
    const struct pair near = add(add(a, scaled(outer, ya.re)), scaled(inner, yb.re));
    const struct pair far = add(add(a, scaled(outer, yb.re)), scaled(inner, ya.re));
    const struct pair near_odd = add(scaled(outside, ya.im), scaled(inside, yb.im));
    const struct pair far_odd = subtract(scaled(outside, yb.im), scaled(inside, ya.im));
    x[0] = add(a, add(outer, inner));
    x[m] = add_turned(near, near_odd);
    x[4 * m] = subtract_turned(near, near_odd);
    x[2 * m] = add_turned(far, far_odd);
    x[3 * m] = subtract_turned(far, far_odd);
  }
}

/* out[0 .. count - 1] = the transform of every stride-th pair of in. Values from in[known] on are 0. */
static void transform(struct pair *out, const VALUE *in, int32_t known, int32_t count, int32_t stride, const int32_t *radices,
                      const struct stages *s) {
  const int32_t radix = *radices, m = count / radix;
  for (int32_t q = 0; q < radix; q++) {
    const int32_t first = 2 * q * stride;
    if (m > 1)
      transform(out + q * m, in + first, known - first, m, stride * radix, radices + 1, s);
    else
      out[q] = (struct pair){first < known ? in[first] : 0, first + 1 < known ? in[first + 1] : 0};
  }
  if (radix == 2)
    two(out, m, stride, s);
  else if (radix == 3)
    three(out, m, stride, s);
  else if (radix == 4)
    four(out, m, stride, s);
  else
    five(out, m, stride, s);
}

/* SignalIrfft: the bins become a complex transform of half the length. See fft.h. */
#pragma once
#include "fft.h"

static void irfft(const struct cfukit_fft *p) {
  const int32_t half = p->length / 2;
  const struct stages stages = {p->twiddles, p->radices, 1};
  const struct pair *w = p->real_twiddles;
  struct pair *z = p->scratch;
  for (int32_t row = 0; row < p->rows; row++) {
    const struct pair *bins = (const struct pair *)p->input + row * (half + 1);
    struct pair *out = (struct pair *)p->output + row * half;
    const struct pair ends = {plus(bins[0].re, bins[half].re), minus(bins[0].re, bins[half].re)};
    z[0] = divided(ends, 2);
    for (int32_t k = 1; k <= half / 2; k++) {
      const struct pair other = {bins[half - k].re, minus(0, bins[half - k].im)};
      const struct pair a = divided(bins[k], 2), b = divided(other, 2), total = add(a, b);
      const struct pair turned = times(subtract(a, b), w[k - 1]), far = subtract(total, turned);
      z[k] = add(total, turned);
      z[half - k] = (struct pair){far.re, minus(0, far.im)};
    }
    transform(out, p->scratch, p->length, half, 1, p->radices, &stages);
#if !BITS
    for (int32_t k = 0; k < half; k++)
      out[k] = (struct pair){out[k].re / (VALUE)p->length, out[k].im / (VALUE)p->length};
#endif
  }
}

/* SignalRfft: a complex transform of half the length, from which the bins are disentangled. See fft.h. */
#pragma once
#include "fft.h"

static void rfft(const struct cfukit_fft *p) {
  const int32_t half = p->length / 2;
  const struct stages stages = {p->twiddles, p->radices, 0};
  const struct pair *w = p->real_twiddles;
  struct pair *z = p->scratch;
  for (int32_t row = 0; row < p->rows; row++) {
    const VALUE *x = (const VALUE *)p->input + row * p->samples;
    struct pair *bins = (struct pair *)p->output + row * (half + 1);
    transform(z, x, p->samples, half, 1, p->radices, &stages);
    const struct pair first = divided(z[0], 2);
    bins[0] = (struct pair){plus(first.re, first.im), 0};
    bins[half] = (struct pair){minus(first.re, first.im), 0};
    for (int32_t k = 1; k <= half / 2; k++) {
      const struct pair other = {z[half - k].re, minus(0, z[half - k].im)};
      const struct pair a = divided(z[k], 2), b = divided(other, 2), total = add(a, b);
      const struct pair turned = times(subtract(a, b), w[k - 1]);
      bins[k] = (struct pair){half_of_sum(total.re, turned.re), half_of_sum(total.im, turned.im)};
      bins[half - k] = (struct pair){half_of_difference(total.re, turned.re), half_of_difference(turned.im, total.im)};
    }
  }
}

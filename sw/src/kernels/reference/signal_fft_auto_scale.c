/* SignalFftAutoScale. As in TFLM the largest magnitude is an int16_t, so -2^15 hides what came before it. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_fft_auto_scale(const void *params);

void cfukit_reference_signal_fft_auto_scale(const void *params) {
  const struct cfukit_auto_scale *p = params;
  int32_t most = 0, bits = 0;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t value = p->input[i];
    if (value > most)
      most = value;
    else if (-value > most)
      most = (int16_t)-value;
  }
  if (most > 0)
    for (bits = 15; most; most >>= 1)
      bits--;
  *p->bits = bits;
  for (int32_t i = 0; i < p->count; i++)
    p->output[i] = (int16_t)(p->input[i] * (1 << bits));
}

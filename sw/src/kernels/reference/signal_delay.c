/* SignalDelay. history holds the samples that are not out yet. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_delay(const void *params);

void cfukit_reference_signal_delay(const void *params) {
  const struct cfukit_delay *p = params;
  for (int32_t row = 0; row < p->rows; row++) {
    const int16_t *x = p->input + row * p->count;
    int16_t *history = p->history + row * p->length, *out = p->output + row * p->count;
    for (int32_t i = 0; i < p->count; i++)
      out[i] = i < p->length ? history[i] : x[i - p->length];
    for (int32_t i = 0; i < p->length; i++)
      history[i] = i + p->count < p->length ? history[i + p->count] : x[i + p->count - p->length];
  }
}

/* SignalFilterBank. */
#include "cfukit_kernels.h"

typedef uint64_t __attribute__((aligned(4))) word64; /* tensors begin at words */

void cfukit_reference_signal_filter_bank(const void *params);

void cfukit_reference_signal_filter_bank(const void *params) {
  const struct cfukit_filter_bank *p = params;
  word64 *out = p->output;
  uint64_t weighted = 0, unweighted = 0;
  for (int32_t channel = 0; channel <= p->channels; channel++) {
    const uint32_t *x = p->input + p->starts[channel];
    const int16_t *weights = p->weights + p->places[channel], *unweights = p->unweights + p->places[channel];
    for (int32_t i = 0; i < p->widths[channel]; i++) {
      weighted += (uint64_t)weights[i] * x[i];
      unweighted += (uint64_t)unweights[i] * x[i];
    }
    if (channel) *out++ = weighted;
    weighted = unweighted;
    unweighted = 0;
  }
}

/* SignalEnergy. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_energy(const void *params);

void cfukit_reference_signal_energy(const void *params) {
  const struct cfukit_energy *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    p->output[i] = 0;
    if (i < p->first || i >= p->last)
      continue; /* the input may have fewer bins than the output */
    const int32_t re = p->input[2 * i], im = p->input[2 * i + 1];
    p->output[i] = (uint32_t)(re * re) + (uint32_t)(im * im);
  }
}

/* SignalEnergy. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_energy(const void *params);

void cfukit_reference_signal_energy(const void *params) {
  const struct cfukit_energy *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const int32_t re = p->input[2 * i], im = p->input[2 * i + 1];
    p->output[i] = i < p->first || i >= p->last ? 0 : (uint32_t)(re * re) + (uint32_t)(im * im);
  }
}

/* SignalFilterBankSpectralSubtraction. */
#include "cfukit_kernels.h"

void cfukit_reference_signal_filter_bank_spectral_subtraction(const void *params);

void cfukit_reference_signal_filter_bank_spectral_subtraction(const void *params) {
  const struct cfukit_spectral_subtraction *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const uint32_t scaled = p->input[i] << p->smoothing_bits;
    const uint64_t noise = (uint64_t)scaled * (uint64_t)(int64_t)p->smoothing[i & 1] +
                           (uint64_t)p->noise[i] * (uint64_t)(int64_t)p->one_minus[i & 1];
    const uint32_t floor = (uint32_t)(((uint64_t)p->input[i] * (uint64_t)(int64_t)p->least) >> p->bits);
    uint32_t estimate = (uint32_t)(noise >> p->bits);
    if (p->clamps && estimate > scaled) estimate = scaled;
    const uint32_t rest = estimate > scaled ? 0 : (scaled - estimate) >> p->smoothing_bits;
    p->noise[i] = p->estimate[i] = estimate;
    p->output[i] = rest > floor ? rest : floor;
  }
}

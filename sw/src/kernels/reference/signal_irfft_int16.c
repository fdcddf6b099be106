/* SignalIrfft of int16_t. */
#define VALUE int16_t
#define WIDE int32_t
#define BITS 16
#include "irfft.h"

void cfukit_reference_signal_irfft_int16(const void *params);

void cfukit_reference_signal_irfft_int16(const void *params) {
  irfft(params);
}

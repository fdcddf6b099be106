/* SignalRfft of int16_t. */
#define VALUE int16_t
#define WIDE int32_t
#define BITS 16
#include "rfft.h"

void cfukit_reference_signal_rfft_int16(const void *params);

void cfukit_reference_signal_rfft_int16(const void *params) {
  rfft(params);
}

/* SignalPCAN: the gain is a polynomial of second degree in each octave of the noise. */
#include "cfukit_kernels.h"

#define SNR_BITS 12
#define OUTPUT_BITS 6

void cfukit_reference_signal_pcan(const void *params);

static int16_t gain_of(uint32_t noise, const int16_t *gains) {
  if (noise <= 2) return gains[noise];
  int32_t octave = 0;
  for (uint32_t rest = noise; rest; rest >>= 1)
    octave++;
  const int16_t *c = gains + 4 * octave - 6;
  const int32_t fraction = (int32_t)((octave < 11 ? noise << (11 - octave) : noise >> (octave - 11)) & 0x3FF);
  uint32_t value = (uint32_t)((c[2] * fraction) >> 5) + ((uint32_t)c[1] << 5);
  value = value * (uint32_t)fraction + (1 << 14);
  return (int16_t)(((int32_t)value >> 15) + c[0]);
}

void cfukit_reference_signal_pcan(const void *params) {
  const struct cfukit_pcan *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const uint32_t gain = (uint32_t)gain_of(p->noise[i], p->gains);
    const uint32_t snr = (uint32_t)(((uint64_t)p->input[i] * gain) >> p->shift);
    p->output[i] = snr < 2 << SNR_BITS ? (snr * snr) >> (2 + 2 * SNR_BITS - OUTPUT_BITS)
                                       : (snr >> (SNR_BITS - OUTPUT_BITS)) - (1 << OUTPUT_BITS);
  }
}

/* SignalFilterBankLog: the logarithm to base 2 with 16 bits behind the point, times ln(2), times the scale. */
#include "cfukit_kernels.h"

#define LOG_OF_2 45426 /* ln(2) * 2^16 */

void cfukit_reference_signal_filter_bank_log(const void *params);

static uint32_t scaled_log(uint32_t x, uint32_t scale, const uint16_t *table) {
  uint32_t whole = 0;
  for (uint32_t rest = x >> 1; rest; rest >>= 1)
    whole++;
  const uint32_t rest = x - (1U << whole);
  const uint32_t fraction = whole < 16 ? rest << (16 - whole) : rest >> (whole - 16);
  const int32_t base = table[fraction >> 9], slope = ((table[(fraction >> 9) + 1] - base) * (int32_t)(fraction & 0x1FF)) >> 16;
  const uint32_t log2 = (whole << 16) + fraction + (uint32_t)(base + slope);
  const uint32_t natural = (uint32_t)(((uint64_t)LOG_OF_2 * log2 + (1 << 15)) >> 16);
  return (scale * natural + (1 << 15)) >> 16;
}

void cfukit_reference_signal_filter_bank_log(const void *params) {
  const struct cfukit_filter_bank_log *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const uint32_t x = p->input[i] << p->bits;
    const uint32_t log = x > 1 ? scaled_log(x, (uint32_t)p->scale, p->table) : 0;
    p->output[i] = (int16_t)(log < INT16_MAX ? log : INT16_MAX);
  }
}

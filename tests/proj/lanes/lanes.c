/* FULLY_CONNECTED on CFU_DOT_LANES lanes; the inputs are gathered into words first. */
#include <string.h>

#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void lanes_fully_connected(const void *params);

void lanes_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const int32_t words = p->input_channels / CFU_DOT_LANES;
  uint32_t *const taps = p->scratch;
  int8_t *out = p->output;
  for (int32_t b = 0; b < p->batches; b++) {
    const int8_t *x = p->input + b * p->input_channels;
    for (int32_t i = 0; i < words; i++, x += CFU_DOT_LANES) {
      taps[i] = 0;
      memcpy(&taps[i], x, CFU_DOT_LANES);
    }
    const uint32_t *weights = p->weights;
    for (int32_t c = 0; c < p->output_channels; c++) {
      uint32_t sum = (uint32_t)p->channels[c].bias;
      for (int32_t i = 0; i < words; i++) sum += cfu_dot(taps[i], *weights++);
      const int32_t scaled = cfukit_multiply_small((int32_t)sum, p->channels[c].multiplier, -p->channels[c].shift);
      *out++ = (int8_t)cfukit_clamp(scaled + p->output_zero_point, p->activation_min, p->activation_max);
    }
  }
}

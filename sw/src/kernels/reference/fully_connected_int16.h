/* FULLY_CONNECTED on int16, in the form of TFLM's reference kernel. wide: sums of 64 bits, else of 32. */
#ifndef CFUKIT_REFERENCE_FULLY_CONNECTED_INT16_H
#define CFUKIT_REFERENCE_FULLY_CONNECTED_INT16_H

#include "wide.h"

static inline __attribute__((always_inline)) void fully_connected_int16(const struct cfukit_fully_connected *p, int wide) {
  const int8_t *weights = p->weights;
  const int16_t *input = (const int16_t *)(const void *)p->input;
  int16_t *output = (int16_t *)(void *)p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out = 0; out < p->output_channels; out++) {
      int64_t sum = 0;
      for (int32_t k = 0; k < p->input_channels; k++) {
        const int32_t x = input[batch * p->input_channels + k];
        sum += x * weights[out * p->input_channels + k];
      }
      output[batch * p->output_channels + out] =
          wide_output(p->channels, out, sum, wide, p->activation_min, p->activation_max);
    }
  }
}

#endif

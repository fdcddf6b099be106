/* FULLY_CONNECTED, with the plain loops of TFLM's reference kernel. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_fully_connected(const void *params);

void cfukit_reference_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const int8_t *weights = p->weights;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out = 0; out < p->output_channels; out++) {
      int32_t sum = 0;
      for (int32_t k = 0; k < p->input_channels; k++) {
        const int32_t x = p->input[batch * p->input_channels + k];
        const int32_t w = weights[out * p->input_channels + k];
        sum += w * (x - p->input_zero_point);
      }
      sum = cfukit_add(sum, p->channels[out].bias);
      sum = cfukit_multiply(sum, p->channels[out].multiplier, p->channels[out].shift);
      sum = cfukit_add(sum, p->output_zero_point);
      p->output[batch * p->output_channels + out] = (int8_t)cfukit_clamp(sum, p->activation_min, p->activation_max);
    }
  }
}

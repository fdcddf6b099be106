/* FULLY_CONNECTED whose weights have a zero point, with the plain loops of TFLM's reference kernel. */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_reference_fully_connected_zero_point(const void *params);

void cfukit_reference_fully_connected_zero_point(const void *params) {
  const struct cfukit_fully_connected_zero_point *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++, input += p->input_channels) {
    const int8_t *w = p->weights;
    for (int32_t out = 0; out < p->output_channels; out++) {
      int32_t sum = 0;
      for (int32_t k = 0; k < p->input_channels; k++)
        sum += (*w++ - p->weights_zero_point) * (input[k] - p->input_zero_point);
      sum = cfukit_add(sum, p->channels[out].bias);
      sum = cfukit_multiply(sum, p->channels[out].multiplier, p->channels[out].shift);
      sum = cfukit_add(sum, p->output_zero_point);
      *output++ = (int8_t)cfukit_clamp(sum, p->activation_min, p->activation_max);
    }
  }
}

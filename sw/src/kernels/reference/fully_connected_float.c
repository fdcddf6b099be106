/* FULLY_CONNECTED float32, with the plain loops of TFLM's reference kernel. */
#include "cfukit_kernels.h"
#include "float.h"

void cfukit_reference_fully_connected_float(const void *params);

void cfukit_reference_fully_connected_float(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const float *input = (const float *)(const void *)p->input, *weights = p->weights;
  const float *bias = (const float *)(const void *)p->channels;
  float *output = (float *)(void *)p->output;
  for (int32_t batch = 0; batch < p->batches; batch++, input += p->input_channels) {
    for (int32_t out = 0; out < p->output_channels; out++) {
      float total = 0;
      for (int32_t k = 0; k < p->input_channels; k++) total += input[k] * weights[out * p->input_channels + k];
      *output++ = float_clamp(total + bias[out], p->activation_min, p->activation_max);
    }
  }
}

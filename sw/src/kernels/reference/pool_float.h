/* The loops of the float32 pools, which are those of TFLM's reference kernels. */
#ifndef CFUKIT_REFERENCE_POOL_FLOAT_H
#define CFUKIT_REFERENCE_POOL_FLOAT_H

#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"
#include "float.h"
#include "offset.h"

/* begin: what each output starts with. add(total, x): with one value of the window. end(total, count): the output before its limits. */
static inline __attribute__((always_inline)) void pool_float(const struct cfukit_pool *p, float begin,
                                                             float add(float total, float x),
                                                             float end(float total, float count)) {
  const float *input = (const float *)(const void *)p->input;
  float *output = (float *)(void *)p->output;
  const struct shape input_shape = {{p->batches, p->input_height, p->input_width, p->channels}};
  for (int32_t batch = 0; batch < p->batches; batch++) {
    for (int32_t out_y = 0; out_y < p->output_height; out_y++) {
      for (int32_t out_x = 0; out_x < p->output_width; out_x++) {
        for (int32_t channel = 0; channel < p->channels; channel++) {
          const int32_t top = out_y * p->stride_height - p->padding_top;
          const int32_t left = out_x * p->stride_width - p->padding_left;
          const int32_t y_end = cfukit_min(p->filter_height, p->input_height - top);
          const int32_t x_end = cfukit_min(p->filter_width, p->input_width - left);
          float total = begin;
          int32_t count = 0;
          for (int32_t filter_y = cfukit_max(0, -top); filter_y < y_end; filter_y++) {
            for (int32_t filter_x = cfukit_max(0, -left); filter_x < x_end; filter_x++) {
              total = add(total, input[offset(&input_shape, batch, top + filter_y, left + filter_x, channel)]);
              count++;
            }
          }
          *output++ = float_clamp(end(total, (float)count), p->activation_min, p->activation_max);
        }
      }
    }
  }
}

#endif

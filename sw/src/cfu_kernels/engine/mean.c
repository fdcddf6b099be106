/* MEAN and SUM on the streaming engine, with all weights 1. Outputs side by side are the channels of a job SUM. Where the inputs of
 * an output lie side by side, they are the channels of a convolution. */
#include "engine.h"

void cfukit_engine_mean(const void *params);

/* The inputs of each output are `reduced_sizes[2]` x `reduced_sizes[3]` taps. */
static void across(const struct cfukit_reduce *p, const int8_t *input, int8_t *output, int ends) {
  const int32_t outputs = p->kept_sizes[3];
  const struct shape s = {
      .height = p->reduced_sizes[2],
      .width = p->reduced_sizes[3],
      .pixel_bytes = p->reduced_strides[3],
      .row_bytes = p->reduced_strides[2],
      .filter_height = p->reduced_sizes[2],
      .filter_width = p->reduced_sizes[3],
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .rows = p->reduced_sizes[2] * p->reduced_sizes[3],
      .output_height = 1,
      .output_width = 1,
      .output_pixel_bytes = outputs,
  };
  for (int32_t first = 0; first < outputs; first += MAX_CHANNELS) {
    const int32_t count = at_most(outputs - first, MAX_CHANNELS);
    start(&s, input + first, count, output + first, count, CFU_ENGINE_START_SUM);
    finish_job(p, ends && outputs - first == count, CFU_PARAM_REQUANTIZERS, s.rows);
  }
}

/* The inputs of each output are `reduced_sizes[3]` channels of a pixel. */
static void along(const struct cfukit_reduce *p, const int8_t *input, int8_t *output, int ends) {
  const int32_t channels = p->reduced_sizes[3];
  const struct shape s = {
      .height = p->kept_sizes[2],
      .width = p->kept_sizes[3],
      .pixel_bytes = p->kept_strides[3],
      .row_bytes = p->kept_strides[2],
      .filter_height = 1,
      .filter_width = 1,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .rows = (channels + LANES - 1) / LANES,
      .output_height = p->kept_sizes[2],
      .output_width = p->kept_sizes[3],
      .output_pixel_bytes = 1,
  };
  start(&s, input, channels, output, 1, CFU_ENGINE_START_CONV);
  finish_job(p, ends, 1, s.rows);
}

void cfukit_engine_mean(const void *params) {
  const struct cfukit_reduce *p = params;
  const int depthwise = p->kept_strides[3] == 1;
  const int32_t *const kept = p->kept_sizes, *const strides = p->kept_strides;
  const int32_t inner = depthwise ? kept[2] : 1, inner_outputs = depthwise ? kept[3] : kept[2] * kept[3];
  begin(params, p->input, p->output);
  set_range(0, p->output_zero_point, INT8_MIN, INT8_MAX);
  (void)cfu_engine_feed_restart((uint32_t)!depthwise, 0);
  if (depthwise) fill_weights(0x01010101, p->reduced_sizes[2] * p->reduced_sizes[3]);
  else fill_weights(0x01010101, (p->reduced_sizes[3] + LANES - 1) / LANES * OUTPUTS);
  feed_channels((struct cfukit_channel){-p->sum_zero_point, p->multiplier, p->shift}, depthwise ? CFU_PARAM_REQUANTIZERS : 1);
  int8_t *output = p->output;
  int32_t left = kept[0] * kept[1] * inner;
  for (int32_t i = 0; i < kept[0]; i++) {
    for (int32_t j = 0; j < kept[1]; j++) {
      for (int32_t k = 0; k < inner; k++, output += inner_outputs) {
        const int8_t *const input = p->input + i * strides[0] + j * strides[1] + (depthwise ? k * strides[2] : 0);
        left--;
        if (depthwise) across(p, input, output, left == 0);
        else along(p, input, output, left == 0);
      }
    }
  }
}

/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on the streaming engine. */
#include "engine.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_fully_connected(const void *params);

/* One group of a convolution over all images, in as many jobs as its weights need. */
static void conv(const void *params, const struct shape *s, const int8_t *input, int32_t channels, const int8_t *weights,
                 const struct cfukit_channel *rescaling, int8_t *output, int32_t output_channels, int32_t batches) {
  const int32_t most = at_most(CFU_PARAM_WEIGHT_ROWS / s->rows, CFU_PARAM_CHANNELS / OUTPUTS) * OUTPUTS;
  for (int32_t first = 0; first < output_channels; first += most) {
    const int32_t count = at_most(output_channels - first, most);
    load_channels(rescaling + first, count);
    load_weights(weights + first * s->rows * LANES, (count + OUTPUTS - 1) / OUTPUTS * OUTPUTS * s->rows, 1);
    for (int32_t batch = 0; batch < batches; batch++) {
      start(s, input + batch * s->height * s->width * s->pixel_bytes, channels,
            output + batch * s->output_height * s->output_width * s->output_pixel_bytes + first, count, CFU_ENGINE_START_CONV);
      finish(params);
    }
  }
}

static struct shape shape_of(const struct cfukit_conv *p, int32_t rows) {
  return (struct shape){
      .height = p->input_height,
      .width = p->input_width,
      .pixel_bytes = p->input_channels,
      .row_bytes = p->input_width * p->input_channels,
      .filter_height = p->filter_height,
      .filter_width = p->filter_width,
      .stride_height = p->stride_height,
      .stride_width = p->stride_width,
      .dilation_height = p->dilation_height,
      .dilation_width = p->dilation_width,
      .top = -p->padding_top,
      .left = -p->padding_left,
      .rows = rows,
      .output_height = p->output_height,
      .output_width = p->output_width,
      .output_pixel_bytes = p->output_channels,
  };
}

void cfukit_engine_conv(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t channels = p->filter_channels, groups = p->input_channels / channels, outputs = p->output_channels / groups;
  const int32_t rows = (p->filter_height * p->filter_width * channels + LANES - 1) / LANES;
  const int32_t group_bytes = (outputs + OUTPUTS - 1) / OUTPUTS * OUTPUTS * rows * LANES;
  const struct shape s = shape_of(p, rows);
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  for (int32_t group = 0; group < groups; group++) {
    conv(params, &s, p->input + group * channels, channels, (const int8_t *)p->weights + group * group_bytes,
         p->channels + group * outputs, p->output + group * outputs, outputs, p->batches);
  }
}

void cfukit_engine_depthwise(const void *params) {
  const struct cfukit_conv *p = params;
  if (p->depth_multiplier != 1) { /* each input channel is a group of its own */
    cfukit_engine_conv(params);
    return;
  }
  const int32_t taps = p->filter_height * p->filter_width;
  const int32_t most = at_most(CFU_PARAM_WEIGHT_ROWS / taps, CFU_PARAM_CHANNELS / LANES) * LANES;
  const struct shape s = shape_of(p, taps);
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  for (int32_t first = 0; first < p->output_channels; first += most) {
    const int32_t count = at_most(p->output_channels - first, most);
    load_channels(p->channels + first, count);
    load_weights((const int8_t *)p->weights + first * taps, (count + LANES - 1) / LANES * taps, 0);
    for (int32_t batch = 0; batch < p->batches; batch++) {
      start(&s, p->input + batch * s.height * s.width * s.pixel_bytes + first, count,
            p->output + batch * s.output_height * s.output_width * s.output_pixel_bytes + first, count, CFU_ENGINE_START_DEPTHWISE);
      finish(params);
    }
  }
}

/* Each item of the batch is a pixel. */
void cfukit_engine_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const struct shape s = {
      .height = 1,
      .width = p->batches,
      .pixel_bytes = p->input_channels,
      .filter_height = 1,
      .filter_width = 1,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .rows = (p->input_channels + LANES - 1) / LANES,
      .output_height = 1,
      .output_width = p->batches,
      .output_pixel_bytes = p->output_channels,
  };
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  conv(params, &s, p->input, p->input_channels, p->weights, p->channels, p->output, p->output_channels, 1);
}

/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on the streaming engine. */
#include "engine.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_fully_connected(const void *params);

/* Output channels of a job whose weights take `rows` rows for each block of OUTPUTS. A division takes a while, so only if it must be. */
static int32_t outputs_at_once(int32_t rows, int32_t outputs) {
  if (outputs <= CFU_PARAM_CHANNELS && (outputs + OUTPUTS - 1) / OUTPUTS * rows <= CFU_PARAM_WEIGHT_ROWS) return outputs;
  return at_most(CFU_PARAM_WEIGHT_ROWS / rows, CFU_PARAM_CHANNELS / OUTPUTS) * OUTPUTS;
}

/* One group of a convolution over all images, in as many jobs as its weights need, each of `most` output channels. The engine has the
 * first of these, or they are on their way. The last job runs at the end. */
static void conv(const void *params, const struct shape *s, const int8_t *input, int32_t channels, const int8_t *weights,
                 const struct cfukit_channel *rescaling, int8_t *output, int32_t output_channels, int32_t batches, int32_t most) {
  for (int32_t first = 0; first < output_channels; first += most) {
    const int32_t count = at_most(output_channels - first, most);
    if (first) {
      finish(params);
      load_channels(rescaling + first, count);
    }
    for (int32_t batch = 0; batch < batches; batch++) {
      if (batch) finish(params);
      else load_weights(weights + first * s->rows * LANES, (count + OUTPUTS - 1) / OUTPUTS * OUTPUTS * s->rows, 1);
      describe(s, input + batch * s->height * s->width * s->pixel_bytes, channels,
               output + batch * s->output_height * s->output_width * s->output_pixel_bytes + first, count);
      launch(CFU_ENGINE_START_CONV);
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
  const int32_t channels = p->filter_channels, groups = p->input_channels == channels ? 1 : p->input_channels / channels;
  const int32_t outputs = groups == 1 ? p->output_channels : p->output_channels / groups;
  const int32_t rows = (p->filter_height * p->filter_width * channels + LANES - 1) / LANES;
  const int32_t group_bytes = (outputs + OUTPUTS - 1) / OUTPUTS * OUTPUTS * rows * LANES;
  const int32_t most = outputs_at_once(rows, outputs);
  load_channels(p->channels, at_most(outputs, most));
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  const struct shape s = shape_of(p, rows);
  for (int32_t group = 0; group < groups; group++) {
    const struct cfukit_channel *const rescaling = p->channels + group * outputs;
    if (group) {
      finish(params);
      load_channels(rescaling, at_most(outputs, most));
    }
    conv(params, &s, p->input + group * channels, channels, (const int8_t *)p->weights + group * group_bytes, rescaling,
         p->output + group * outputs, outputs, p->batches, most);
  }
  fetch_behind(params, sizeof *p);
  finish(params);
}

/* Output channels of a depthwise job, likewise. */
static int32_t lanes_at_once(int32_t taps, int32_t outputs) {
  if (outputs <= CFU_PARAM_CHANNELS && (outputs + LANES - 1) / LANES * taps <= CFU_PARAM_WEIGHT_ROWS) return outputs;
  return at_most(CFU_PARAM_WEIGHT_ROWS / taps, CFU_PARAM_CHANNELS / LANES) * LANES;
}

void cfukit_engine_depthwise(const void *params) {
  const struct cfukit_conv *p = params;
  if (p->depth_multiplier != 1) { /* each input channel is a group of its own */
    cfukit_engine_conv(params);
    return;
  }
  const int32_t taps = p->filter_height * p->filter_width;
  const int32_t most = lanes_at_once(taps, p->output_channels);
  load_channels(p->channels, at_most(p->output_channels, most));
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  const struct shape s = shape_of(p, taps);
  for (int32_t first = 0; first < p->output_channels; first += most) {
    const int32_t count = at_most(p->output_channels - first, most);
    if (first) {
      finish(params);
      load_channels(p->channels + first, count);
    }
    for (int32_t batch = 0; batch < p->batches; batch++) {
      if (batch) finish(params);
      describe(&s, p->input + batch * s.height * s.width * s.pixel_bytes + first, count,
               p->output + batch * s.output_height * s.output_width * s.output_pixel_bytes + first, count);
      if (!batch) load_weights((const int8_t *)p->weights + first * taps, (count + LANES - 1) / LANES * taps, 0);
      launch(CFU_ENGINE_START_DEPTHWISE);
    }
  }
  fetch_behind(params, sizeof *p);
  finish(params);
}

/* Each item of the batch is a pixel. */
void cfukit_engine_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const int32_t rows = (p->input_channels + LANES - 1) / LANES, most = outputs_at_once(rows, p->output_channels);
  load_channels(p->channels, at_most(p->output_channels, most));
  must_be_in_tcm(params, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
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
      .rows = rows,
      .output_height = 1,
      .output_width = p->batches,
      .output_pixel_bytes = p->output_channels,
  };
  conv(params, &s, p->input, p->input_channels, p->weights, p->channels, p->output, p->output_channels, 1, most);
  fetch_behind(params, sizeof *p);
  finish(params);
}

/* This project's kernels. Each splits its operator into passes: all pixels of as many output channels as the CFU holds (see pass.h). */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_one_over.h"
#include "pass.h"

void pixel_conv(const void *params);
void pixel_depthwise(const void *params);
void pixel_fully_connected(const void *params);
void pixel_average_pool(const void *params);

#define WEIGHT_ROWS CFU_PARAM_WEIGHT_ROWS
#define WINDOW_ROWS CFU_PARAM_WINDOW_ROWS
#define CHANNELS CFU_PARAM_CHANNELS

/* The CFU computes pixels along the longer axis, so that only few windows must be fed as a whole. packing.py has the same rule. */
static int goes_down(const struct cfukit_conv *p) { return p->output_height > p->output_width; }

static struct pass pass_of(const struct cfukit_conv *p, enum order order) {
  const int32_t in = p->input_width * p->input_channels, out = p->output_width * p->output_channels, all = p->input_height * in;
  const struct axis x = {p->input_width,    p->output_width,   p->filter_width,    p->stride_width, p->padding_left,
                         p->dilation_width, p->input_channels, p->output_channels, in};
  const struct axis y = {p->input_height, p->output_height, p->filter_height, p->stride_height, p->padding_top, p->dilation_height, in, out, all};
  const int down = order == ROWS || (order == TAPS && goes_down(p));
  return (struct pass){.op = p,
                       .order = order,
                       .along = down ? y : x,
                       .across = down ? x : y,
                       .down = down,
                       .image_bytes = all,
                       .output_bytes = p->output_height * out};
}

void pixel_conv(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t channels = p->filter_channels, groups = p->input_channels / channels, outputs = p->output_channels / groups;
  const int32_t taps = p->filter_height * p->filter_width;
  enum order order = GATHERED;
  if (groups == 1 && channels % 4 == 0) order = TAPS;
  else if (groups == 1 && p->dilation_width == 1) order = ROWS;
  struct pass s = pass_of(p, order);
  s.stride = 1;
  s.words = order == TAPS ? channels / 4 : order == ROWS ? (p->filter_width * channels + 3) / 4 : (taps * channels + 3) / 4;
  s.rows = order == TAPS ? taps * s.words : order == ROWS ? p->filter_height * s.words : s.words;
  s.span = s.rows;
  const int32_t most = cfukit_min(WEIGHT_ROWS / s.rows * 2, CHANNELS), output_bytes = s.rows * 4; /* a row holds weights of two outputs */
  for (int32_t group = 0; group < groups; group++) {
    s.input = p->input + group * channels;
    for (int32_t first = 0; first < outputs; first += most) {
      s.outputs = cfukit_min(most, outputs - first);
      s.weight_rows = (s.outputs + 1) / 2 * s.rows;
      s.weights = (const int8_t *)p->weights + (group * ((outputs + 1) & ~1) + first) * output_bytes;
      s.channels = p->channels + group * outputs + first;
      s.output = p->output + group * outputs + first;
      pass_run(&s);
    }
  }
}

/* A depthwise convolution of a multiple of four channels. alike: all weights are 64, and all channels are rescaled like the first one. */
static void depthwise(const struct cfukit_conv *p, int alike) {
  const int32_t taps = p->filter_height * p->filter_width;
  const int alone = p->batches * p->output_height * p->output_width == 1; /* no next window */
  const int32_t most = cfukit_min(cfukit_min(WINDOW_ROWS / (alone ? 1 : 2), WEIGHT_ROWS) / taps * 4, CHANNELS);
  struct pass s = pass_of(p, TAPS);
  s.depthwise = 1;
  s.rows = taps;
  s.alike = alike;
  for (int32_t first = 0; first < p->output_channels; first += most) {
    s.loaded = alike && first > 0;
    s.outputs = cfukit_min(most, p->output_channels - first);
    s.input = p->input + first;
    s.output = p->output + first;
    s.weights = alike ? 0 : (const int8_t *)p->weights + first * taps;
    s.channels = alike ? p->channels : p->channels + first;
    s.words = s.stride = s.outputs / 4;
    s.span = s.weight_rows = taps * s.words;
    pass_run(&s);
  }
}

void pixel_depthwise(const void *params) {
  const struct cfukit_conv *p = params;
  if (p->input_channels == 1) pixel_conv(params);
  else depthwise(p, 0);
}

/* A 1x1 convolution in which each item of the batch is a pixel. */
void pixel_fully_connected(const void *params) {
  const struct cfukit_fully_connected *f = params;
  const struct cfukit_conv p = {
      .input = f->input,
      .weights = f->weights,
      .channels = f->channels,
      .output = f->output,
      .scratch = f->scratch,
      .scratch_bytes = f->scratch_bytes,
      .batches = 1,
      .input_height = 1,
      .input_width = f->batches,
      .input_channels = f->input_channels,
      .filter_height = 1,
      .filter_width = 1,
      .filter_channels = f->input_channels,
      .output_height = 1,
      .output_width = f->batches,
      .output_channels = f->output_channels,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .depth_multiplier = 1,
      .input_zero_point = f->input_zero_point,
      .output_zero_point = f->output_zero_point,
      .activation_min = f->activation_min,
      .activation_max = f->activation_max,
  };
  pixel_conv(&p);
}

/* A mean is a depthwise convolution without padding. Its weights are all 64, and its multiplier is 1 / (64 * taps). */
void pixel_average_pool(const void *params) {
  const struct cfukit_pool *f = params;
  const struct cfukit_channel channel = cfukit_one_over((uint32_t)(64 * f->filter_height * f->filter_width));
  const struct cfukit_conv p = {
      .input = f->input,
      .channels = &channel,
      .output = f->output,
      .batches = f->batches,
      .input_height = f->input_height,
      .input_width = f->input_width,
      .input_channels = f->channels,
      .filter_height = f->filter_height,
      .filter_width = f->filter_width,
      .filter_channels = 1,
      .output_height = f->output_height,
      .output_width = f->output_width,
      .output_channels = f->channels,
      .stride_height = f->stride_height,
      .stride_width = f->stride_width,
      .dilation_height = 1,
      .dilation_width = 1,
      .depth_multiplier = 1,
      .activation_min = f->activation_min,
      .activation_max = f->activation_max,
  };
  depthwise(&p, 1);
}

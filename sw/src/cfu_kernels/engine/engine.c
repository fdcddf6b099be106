/* CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, AVERAGE_POOL_2D and ADD on the streaming engine.
 *
 * A kernel describes its operator to the engine, loads weights and channels, starts the job and waits. Input and output lie in the data
 * TCM. Weights and channels may lie anywhere: the engine loads what is in the TCM or, by DMA, in main memory; the CPU feeds it the rest.
 * What exceeds the stores is done in several jobs, each for some output channels.
 */
#include "cfu_ops.h"
#include "cfukit_kernels.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_fully_connected(const void *params);
void cfukit_engine_average_pool(const void *params);
void cfukit_engine_add(const void *params);

#define LANES CFU_PARAM_LANES
#define FED CFU_ENGINE_FEED_WORDS
#define OUTPUTS CFU_PARAM_OUTPUTS
#define MAX_ROWS 4095 /* of an image */
#define POOL_WEIGHT 64 /* a power of two: it keeps the two roundings of the mean apart */

typedef uint32_t __attribute__((may_alias)) word;

static inline uint32_t halves(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFF) | (uint32_t)high << 16; }
static inline int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

static int in_tcm(const void *pointer, uint32_t aligned) {
  return CFU_REACHES(pointer) && CFU_ADDR(pointer) % aligned == 0;
}

#if CFU_PARAM_DMA
static int in_main(const void *pointer, uint32_t aligned) {
  return CFU_DMA_REACHES(pointer) && CFU_DMA_ADDR(pointer) % aligned == 0;
}

static void set_main(void) { (void)cfu_engine_set_main(CFU_DMA_BEGIN, CFU_DMA_BYTES); }
#endif

static void set_range(int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
  const uint32_t input = (uint8_t)input_zero_point, output = (uint8_t)output_zero_point;
  (void)cfu_engine_set_range(input | output << 8 | (uint32_t)(uint8_t)low << 16 | (uint32_t)(uint8_t)high << 24, 0);
}

/* `rows` rows of the store whose weights are all the same. */
static void fill_weights(uint32_t word_of_four, int32_t rows) {
  for (int32_t n = rows * (LANES / 4 / FED); n > 0; n--) (void)cfu_engine_feed_weights(word_of_four, word_of_four);
}

/* `rows` rows of the memory from `weights`; columns: for a convolution. */
static void load_weights(const int8_t *weights, int32_t rows, int columns) {
  if (in_tcm(weights, LANES)) {
    if (columns) (void)cfu_engine_start_weights(CFU_ADDR(weights), (uint32_t)rows);
    else (void)cfu_engine_start_depthwise_weights(CFU_ADDR(weights), (uint32_t)rows);
    return;
  }
#if CFU_PARAM_DMA
  if (in_main(weights, LANES)) {
    set_main();
    if (columns) (void)cfu_engine_start_main_weights(CFU_DMA_ADDR(weights), (uint32_t)rows);
    else (void)cfu_engine_start_main_depthwise_weights(CFU_DMA_ADDR(weights), (uint32_t)rows);
    return;
  }
#endif
  (void)cfu_engine_feed_restart((uint32_t)columns, 0);
  const word *from = (const word *)(const void *)weights;
  for (const word *const end = from + rows * (LANES / 4); from != end; from += LANES / 4) {
    word row[LANES / 4]; /* all loads come before the first instruction, which waits for every load before it */
    for (int32_t i = 0; i < LANES / 4; i++) row[i] = from[i];
    __asm__ volatile("" ::: "memory");
    for (int32_t i = 0; i < LANES / 4; i += FED) (void)cfu_engine_feed_weights(row[i], row[i + FED - 1]);
  }
}

static void load_channels(const struct cfukit_channel *channels, int32_t count) {
  if (in_tcm(channels, 4)) {
    (void)cfu_engine_start_channels(CFU_ADDR(channels), (uint32_t)count);
    return;
  }
#if CFU_PARAM_DMA
  if (in_main(channels, 4)) {
    set_main();
    (void)cfu_engine_start_main_channels(CFU_DMA_ADDR(channels), (uint32_t)count);
    return;
  }
#endif
  (void)cfu_engine_feed_restart(1, 0);
  for (const struct cfukit_channel *const end = channels + count; channels != end; channels++) {
    const uint32_t bias = (uint32_t)channels->bias, multiplier = (uint32_t)channels->multiplier, shift = (uint32_t)channels->shift;
    (void)cfu_engine_feed_channels(bias, 0);
    (void)cfu_engine_feed_channels(multiplier, 0);
    (void)cfu_engine_feed_channels(shift, 0);
  }
}

/* `count` channels of one kind. */
static void feed_channels(struct cfukit_channel channel, int32_t count) {
  for (; count > 0; count--) {
    (void)cfu_engine_feed_channels((uint32_t)channel.bias, 0);
    (void)cfu_engine_feed_channels((uint32_t)channel.multiplier, 0);
    (void)cfu_engine_feed_channels((uint32_t)channel.shift, 0);
  }
}

static void finish(const void *params) {
  const uint32_t status = cfu_engine_wait();
  cfu_barrier();
  if (status) cfukit_refuse(params, status);
}

struct shape {
  int32_t height, width, pixel_bytes, row_bytes, filter_height, filter_width, stride_height, stride_width, dilation_height, dilation_width;
  int32_t top, left, rows, output_height, output_width, output_pixel_bytes;
};

/* What does not change from job to job. */
static void set_shape(const struct shape *s) {
  (void)cfu_engine_set_size(halves(s->height, s->width), (uint32_t)s->row_bytes);
  (void)cfu_engine_set_stride(halves(s->stride_height, s->stride_width), halves(s->dilation_height, s->dilation_width));
  (void)cfu_engine_set_origin(halves(s->top, s->left), (uint32_t)s->rows);
}

/* A job: `channels` of each tap from `input` on, to `output_channels` from `output` on. The engine has the channels, and the weights or
 * is loading them. */
static void start(const struct shape *s, const int8_t *input, int32_t channels, int8_t *output, int32_t output_channels, int job) {
  set_shape(s);
  (void)cfu_engine_set_input(CFU_ADDR(input), (uint32_t)s->pixel_bytes);
  (void)cfu_engine_set_filter(halves(s->filter_height, s->filter_width), (uint32_t)channels);
  (void)cfu_engine_set_output(CFU_ADDR(output), (uint32_t)s->output_pixel_bytes);
  (void)cfu_engine_set_output_size(halves(s->output_height, s->output_width), (uint32_t)output_channels);
  cfu_barrier();
  switch (job) {
    case CFU_ENGINE_START_CONV: (void)cfu_engine_start_conv(0, 0); break;
    case CFU_ENGINE_START_DEPTHWISE: (void)cfu_engine_start_depthwise(0, 0); break;
    default: (void)cfu_engine_start_add(0, 0);
  }
}

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

static void must_be_in_tcm(const void *params, const void *input, const void *output) {
  if (!in_tcm(input, 1)) cfukit_refuse(params, (uint32_t)(uintptr_t)input);
  if (!in_tcm(output, 1)) cfukit_refuse(params, (uint32_t)(uintptr_t)output);
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

/* round(2^(31 + shift) / divisor) with the shift that makes it 2^30 .. 2^31 - 1. */
static struct cfukit_channel one_over(uint32_t divisor) {
  struct cfukit_channel c = {0, 0, 0};
  uint32_t rest = 1, quotient = 0;
  while (rest < divisor) rest <<= 1, c.shift--; /* 2^-shift >= divisor */
  if (rest == divisor) return (struct cfukit_channel){0, 1 << 30, c.shift + 1};
  for (int32_t bit = 0; bit < 31; bit++) { /* rest / divisor is between 1 and 2: its first 31 bits */
    quotient <<= 1;
    if (rest >= divisor) rest -= divisor, quotient |= 1;
    rest <<= 1;
  }
  if (rest >= divisor) quotient++;
  c.multiplier = (int32_t)quotient;
  c.shift++;
  return c;
}

/* A depthwise convolution whose weights are all the same, and whose multiplier is 1 / (weight * taps). */
void cfukit_engine_average_pool(const void *params) {
  const struct cfukit_pool *p = params;
  const int32_t taps = p->filter_height * p->filter_width;
  const struct cfukit_channel mean = one_over((uint32_t)(POOL_WEIGHT * taps));
  const struct shape s = {
      .height = p->input_height,
      .width = p->input_width,
      .pixel_bytes = p->channels,
      .row_bytes = p->input_width * p->channels,
      .filter_height = p->filter_height,
      .filter_width = p->filter_width,
      .stride_height = p->stride_height,
      .stride_width = p->stride_width,
      .dilation_height = 1,
      .dilation_width = 1,
      .rows = taps,
      .output_height = p->output_height,
      .output_width = p->output_width,
      .output_pixel_bytes = p->channels,
  };
  must_be_in_tcm(params, p->input, p->output);
  set_range(0, 0, p->activation_min, p->activation_max);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(POOL_WEIGHT * 0x01010101u, taps);
  feed_channels(mean, LANES);
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *input = p->input + batch * s.height * s.width * s.pixel_bytes;
    int8_t *output = p->output + batch * s.output_height * s.output_width * s.pixel_bytes;
    for (int32_t first = 0; first < p->channels; first += LANES) {
      const int32_t count = at_most(p->channels - first, LANES);
      start(&s, input + first, count, output + first, count, CFU_ENGINE_START_DEPTHWISE);
      finish(params);
    }
  }
}

/* Inputs of one shape. A depthwise convolution whose taps are x1, x2, x1, x2 gives x1 - 256 * x2, which the engine takes apart. x1 is the
 * input at the lower address; the other one counts as its neighbour in the row. */
void cfukit_engine_add(const void *params) {
  const struct cfukit_binary *p = params;
  const int8_t *a = p->input1, *b = p->input2;
  struct cfukit_channel scale_a = {-p->zero_point1 * (1 << 20), p->multiplier1, p->shift1};
  struct cfukit_channel scale_b = {-p->zero_point2 * (1 << 20), p->multiplier2, p->shift2};
  const struct cfukit_channel scale = {0, p->multiplier, p->shift};
  if (b < a) {
    const int8_t *const c = a;
    const struct cfukit_channel scale_c = scale_a;
    a = b, b = c, scale_a = scale_b, scale_b = scale_c;
  }
  must_be_in_tcm(params, a, p->output);
  must_be_in_tcm(params, b, p->output);
  set_range(0, p->output_zero_point, p->activation_min, p->activation_max);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(0x01010101, 1);
  fill_weights(0x80808080, 1);
  fill_weights(0, 1);
  fill_weights(0x80808080, 1);
  feed_channels(scale_a, CFU_PARAM_REQUANTIZERS);
  feed_channels(scale_b, CFU_PARAM_REQUANTIZERS);
  feed_channels(scale, CFU_PARAM_REQUANTIZERS);
  (void)cfu_engine_start_terms(0, 0);
  int8_t *output = p->output;
  for (int32_t left = p->sizes[4], count; left > 0; left -= count, a += count, b += count, output += count) {
    const int32_t rows = at_most(left / LANES, MAX_ROWS), lanes = rows ? LANES : left;
    const struct shape s = {
        .height = rows ? rows : 1,
        .width = 2,
        .pixel_bytes = (int32_t)(b - a),
        .row_bytes = LANES,
        .filter_height = 2,
        .filter_width = 2,
        .stride_height = 1,
        .stride_width = 1,
        .dilation_width = 1,
        .rows = 4,
        .output_height = rows ? rows : 1,
        .output_width = 1,
        .output_pixel_bytes = LANES,
    };
    count = rows ? rows * LANES : left;
    start(&s, a, lanes, output, lanes, CFU_ENGINE_START_ADD);
    finish(params);
  }
}

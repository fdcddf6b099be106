/* What the kernels on the streaming engine have in common.
 *
 * A kernel describes its operator to the engine, loads weights and channels, starts the job and waits. Input and output lie in the data
 * TCM. Weights and channels may lie anywhere: the engine loads what is in the TCM or, by DMA, in main memory; the CPU feeds it the rest.
 * What exceeds the stores is done in several jobs, each for some output channels.
 *
 * The CPU works while the engine does: it first has the channels loaded, then the weights, and describes the job meanwhile. The job starts
 * while the weights are on their way. While it computes, the engine loads what the next job needs, behind what this one has in the stores.
 */
#ifndef CFUKIT_ENGINE_H
#define CFUKIT_ENGINE_H

#include "cfu_ops.h"
#include "cfukit_kernels.h"
#include "cfukit_model.h"

#ifndef CFU_PARAM_RESIDUAL
#define CFU_PARAM_RESIDUAL 0
#endif
#define LANES CFU_PARAM_LANES
#define FED CFU_ENGINE_FEED_WORDS
#define CHANNELS_ALONE 2u /* of engine_feed_restart */
#define WEIGHTS_ALONE 4u
#define OUTPUTS CFU_PARAM_OUTPUTS
#define OUT_OF_LINE static __attribute__((noinline, unused)) /* code that is short stays in the instruction cache */
#define CACHE_LINE 32 /* bytes, of the CPU's data cache */
#define MAX_ROWS 4095 /* of an image */
#define MAX_DISTANCE 131071 /* bytes from a pixel to the next one */
#define MAX_CHANNELS 8176 /* of a job: whole rows */

typedef uint32_t __attribute__((may_alias)) word;

void cfukit_engine_copy(const void *params);

static inline uint32_t halves(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFF) | (uint32_t)high << 16; }
static inline int32_t at_most(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int in_tcm(const void *pointer, uint32_t aligned) {
  return CFU_REACHES(pointer) && CFU_ADDR(pointer) % aligned == 0;
}

static inline void must_be_in_tcm(const void *params, const void *input, const void *output) {
  if (!in_tcm(input, 1)) cfukit_refuse(params, (uint32_t)(uintptr_t)input);
  if (!in_tcm(output, 1)) cfukit_refuse(params, (uint32_t)(uintptr_t)output);
}

#if CFU_PARAM_DMA
static inline int in_main(const void *pointer, uint32_t aligned) {
  return CFU_DMA_REACHES(pointer) && CFU_DMA_ADDR(pointer) % aligned == 0;
}

#endif

static inline void set_main(void) {
#if CFU_PARAM_DMA
  (void)cfu_engine_set_main(CFU_DMA_BEGIN, CFU_DMA_BYTES);
#endif
}

static inline void set_range(int32_t input_zero_point, int32_t output_zero_point, int32_t low, int32_t high) {
  const uint32_t input = (uint8_t)input_zero_point, output = (uint8_t)output_zero_point;
  (void)cfu_engine_set_range(input | output << 8 | (uint32_t)(uint8_t)low << 16 | (uint32_t)(uint8_t)high << 24, 0);
}

/* `rows` rows of the store whose weights are all the same. */
static inline void fill_weights(uint32_t word_of_four, int32_t rows) {
  for (int32_t n = rows * (LANES / 4 / FED); n > 0; n--) (void)cfu_engine_feed_weights(word_of_four, word_of_four);
}

/* `rows` rows of the memory from `weights`; columns: for a convolution. */
OUT_OF_LINE void load_weights(const int8_t *weights, int32_t rows, int columns) {
  if (in_tcm(weights, LANES)) {
    if (columns) (void)cfu_engine_start_weights(CFU_ADDR(weights), (uint32_t)rows);
    else (void)cfu_engine_start_depthwise_weights(CFU_ADDR(weights), (uint32_t)rows);
    return;
  }
#if CFU_PARAM_DMA
  if (in_main(weights, LANES)) {
    if (columns) (void)cfu_engine_start_main_weights(CFU_DMA_ADDR(weights), (uint32_t)rows);
    else (void)cfu_engine_start_main_depthwise_weights(CFU_DMA_ADDR(weights), (uint32_t)rows);
    return;
  }
#endif
  (void)cfu_engine_feed_restart((uint32_t)columns | WEIGHTS_ALONE, 0);
  const word *from = (const word *)(const void *)weights;
  for (const word *const end = from + rows * (LANES / 4); from != end; from += LANES / 4) {
    word row[LANES / 4]; /* all loads come before the first instruction, which waits for every load before it */
    for (int32_t i = 0; i < LANES / 4; i++) row[i] = from[i];
    __asm__ volatile("" ::: "memory");
    for (int32_t i = 0; i < LANES / 4; i += FED) (void)cfu_engine_feed_weights(row[i], row[i + FED - 1]);
  }
}

OUT_OF_LINE void load_channels(const struct cfukit_channel *channels, int32_t count) {
  if (in_tcm(channels, 4)) {
    (void)cfu_engine_start_channels(CFU_ADDR(channels), (uint32_t)count);
    return;
  }
#if CFU_PARAM_DMA
  if (in_main(channels, 4)) {
    (void)cfu_engine_start_main_channels(CFU_DMA_ADDR(channels), (uint32_t)count);
    return;
  }
#endif
  (void)cfu_engine_feed_restart(CHANNELS_ALONE, 0);
  for (const struct cfukit_channel *const end = channels + count; channels != end; channels++) {
    const uint32_t bias = (uint32_t)channels->bias, multiplier = (uint32_t)channels->multiplier, shift = (uint32_t)channels->shift;
    (void)cfu_engine_feed_channels(bias, 0);
    (void)cfu_engine_feed_channels(multiplier, 0);
    (void)cfu_engine_feed_channels(shift, 0);
  }
}

/* `count` channels of one kind. */
static inline void feed_channels(struct cfukit_channel channel, int32_t count) {
  for (; count > 0; count--) {
    (void)cfu_engine_feed_channels((uint32_t)channel.bias, 0);
    (void)cfu_engine_feed_channels((uint32_t)channel.multiplier, 0);
    (void)cfu_engine_feed_channels((uint32_t)channel.shift, 0);
  }
}

#define AS_IT_IS ((struct cfukit_channel){0, 1 << 30, 1}) /* multiplies by 1 */

/* The stores have nothing for the next call, as kernels that feed them must say. */
static inline void begin(const void *params, const void *input, const void *output) {
  cfukit_prepared = 0;
  set_main();
  must_be_in_tcm(params, input, output);
}

static inline void finish(const void *params) {
  const uint32_t status = cfu_engine_wait();
  cfu_barrier();
  if (status) cfukit_refuse(params, status);
}

/* Waits for the last job of a call, which has `channels` channels and `rows` rows of weights in the stores. Meanwhile the parameters of the
 * next call come into the cache, and what that needs into the engine. */
void cfukit_engine_finish_last(const void *params, int32_t channels, int32_t rows);

/* As `finish`, or at the end of a call as `cfukit_engine_finish_last`. */
static inline void finish_job(const void *params, int ends, int32_t channels, int32_t rows) {
  if (ends) cfukit_engine_finish_last(params, channels, rows);
  else finish(params);
}

struct shape {
  int32_t height, width, pixel_bytes, row_bytes, filter_height, filter_width, stride_height, stride_width, dilation_height, dilation_width;
  int32_t top, left, rows, output_height, output_width, output_pixel_bytes;
};


/* What does not change from job to job. */
static inline void set_shape(const struct shape *s) {
  (void)cfu_engine_set_size(halves(s->height, s->width), (uint32_t)s->row_bytes);
  (void)cfu_engine_set_stride(halves(s->stride_height, s->stride_width), halves(s->dilation_height, s->dilation_width));
  (void)cfu_engine_set_origin(halves(s->top, s->left), (uint32_t)s->rows);
}

/* Describes a job: `channels` of each tap from `input` on, to `output_channels` from `output` on. */
OUT_OF_LINE void describe(const struct shape *s, const int8_t *input, int32_t channels, int8_t *output, int32_t output_channels) {
  set_shape(s);
  (void)cfu_engine_set_input(CFU_ADDR(input), (uint32_t)s->pixel_bytes);
  (void)cfu_engine_set_filter(halves(s->filter_height, s->filter_width), (uint32_t)channels);
  (void)cfu_engine_set_output(CFU_ADDR(output), (uint32_t)s->output_pixel_bytes);
  (void)cfu_engine_set_output_size(halves(s->output_height, s->output_width), (uint32_t)output_channels);
}

/* Starts the job that was described. The engine has the channels, and the weights or is loading them. */
static inline void launch(int job) {
  cfu_barrier();
  switch (job) {
    case CFU_ENGINE_START_CONV: (void)cfu_engine_start_conv(0, 0); break;
    case CFU_ENGINE_START_DEPTHWISE: (void)cfu_engine_start_depthwise(0, 0); break;
    case CFU_ENGINE_START_SUM: (void)cfu_engine_start_sum(0, 0); break;
    case CFU_ENGINE_START_MAX: (void)cfu_engine_start_max(0, 0); break;
    default: (void)cfu_engine_start_add(0, 0);
  }
}

static inline void start(const struct shape *s, const int8_t *input, int32_t channels, int8_t *output, int32_t output_channels, int job) {
  describe(s, input, channels, output, output_channels);
  launch(job);
}

#endif

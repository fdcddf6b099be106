/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on the streaming engine. */
#include "engine.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_fully_connected(const void *params);

/* What a job has in the stores: the weights of `count` outputs, of `left` that are still to do. They take `store_rows` rows: `rows` for each
 * block of outputs that are computed at once. A job has at most `most` outputs. */
struct load {
  const int8_t *weights;
  const struct cfukit_channel *channels;
  int32_t left, count, most, rows, store_rows;
  int depthwise;
};

static inline int32_t rows_of(const struct load *l, int32_t outputs) {
  return (l->depthwise ? (outputs + LANES - 1) / LANES : (outputs + OUTPUTS - 1) / OUTPUTS) * l->rows;
}

static inline uint32_t memory_rows(const struct load *l) { return (uint32_t)(l->depthwise ? l->store_rows : l->store_rows * OUTPUTS); }

/* Of the first job for `left` outputs. With DMA, jobs that are one of several leave room for the next one. */
OUT_OF_LINE void begin_load(struct load *l) {
  l->store_rows = rows_of(l, l->left);
  l->count = l->most = l->left;
  if (l->left <= CFU_PARAM_CHANNELS && l->store_rows <= CFU_PARAM_WEIGHT_ROWS) return;
  const int32_t parts = CFU_PARAM_DMA && 2 * l->rows <= CFU_PARAM_WEIGHT_ROWS ? 2 : 1, block = l->depthwise ? LANES : OUTPUTS;
  l->most = at_most(CFU_PARAM_WEIGHT_ROWS / parts / l->rows, CFU_PARAM_CHANNELS / parts / block) * block;
  l->count = at_most(l->left, l->most);
  l->store_rows = rows_of(l, l->count);
}

/* Of the job behind this one. */
static inline void next_load(struct load *l) {
  l->weights += (int32_t)memory_rows(l) * LANES;
  l->channels += l->count;
  l->left -= l->count;
  l->count = at_most(l->left, l->most);
  l->store_rows = rows_of(l, l->count);
}

/* Of the first job of a call; of its first group, if there are several. A depthwise convolution with a multiplier other than 1 is a
 * convolution, each of whose input channels is a group. */
OUT_OF_LINE void first_load(struct load *l, cfukit_kernel *kernel, const void *params) {
  l->depthwise = 0;
  if (kernel == cfukit_engine_fully_connected) {
    const struct cfukit_fully_connected *p = params;
    l->weights = p->weights, l->channels = p->channels, l->left = p->output_channels;
    l->rows = (p->input_channels + LANES - 1) / LANES;
  } else {
    const struct cfukit_conv *p = params;
    const int32_t taps = p->filter_height * p->filter_width;
    l->weights = p->weights, l->channels = p->channels, l->left = p->output_channels;
    if (kernel == cfukit_engine_depthwise && p->depth_multiplier == 1) {
      l->depthwise = 1, l->rows = taps;
    } else {
      l->rows = (taps * p->filter_channels + LANES - 1) / LANES;
      if (p->filter_channels != p->input_channels) l->left /= p->input_channels / p->filter_channels;
    }
  }
  begin_load(l);
}

/* Loads for another job beside the one that computes, which has `channels` and `rows`. Whether it could. */
OUT_OF_LINE int load_ahead(const struct load *l, int32_t channels, int32_t rows) {
#if CFU_PARAM_DMA
  const int32_t channel_rows = (channels + CFU_PARAM_REQUANTIZERS - 1) / CFU_PARAM_REQUANTIZERS;
  if (channel_rows * CFU_PARAM_REQUANTIZERS + l->count > CFU_PARAM_CHANNELS) return 0;
  if (rows + l->store_rows > CFU_PARAM_WEIGHT_ROWS || !in_main(l->weights, LANES) || !in_main(l->channels, 4)) return 0;
  (void)cfu_engine_start_next_channels(CFU_DMA_ADDR(l->channels), (uint32_t)l->count);
  if (l->depthwise) (void)cfu_engine_start_next_depthwise_weights(CFU_DMA_ADDR(l->weights), memory_rows(l));
  else (void)cfu_engine_start_next_weights(CFU_DMA_ADDR(l->weights), memory_rows(l));
  return 1;
#else
  (void)l, (void)channels, (void)rows;
  return 0;
#endif
}

#if CFU_PARAM_DMA
static inline void fetch(const void *params) {
#ifdef __riscv
  const uint8_t *const at = params;
  if (!CFU_DMA_REACHES(at + 3 * CACHE_LINE)) return;
  for (uint32_t line = 0; line < 4; line++) (void)*(const volatile uint8_t *)(at + line * CACHE_LINE);
#else
  (void)params;
#endif
}
#endif

void cfukit_engine_finish_last(const void *params, int32_t channels, int32_t rows) {
#if CFU_PARAM_DMA
  const struct cfukit_op *const op = cfukit_following;
  if (op) {
    cfukit_kernel *const kernel = op->kernel;
    if (kernel == cfukit_engine_conv || kernel == cfukit_engine_depthwise || kernel == cfukit_engine_fully_connected) {
      struct load next;
      first_load(&next, kernel, op->params);
      if (load_ahead(&next, channels, rows)) cfukit_prepared = op->params;
    }
    fetch(op->params);
  }
#else
  (void)channels, (void)rows;
#endif
  finish(params);
}

/* Begins a call: whether the engine has, or is loading, what the first job needs. Else it loads the channels alone. */
static inline int begin_call(struct load *l, cfukit_kernel *kernel, const void *params) {
  const int prepared = cfukit_prepared == params;
  set_main();
  first_load(l, kernel, params);
  cfukit_prepared = 0;
  if (!prepared) load_channels(l->channels, l->count);
  return prepared;
}

/* The outputs from `output` on in all images, in as many jobs as their weights need. `prepared`: the engine has all that the first one needs;
 * else its channels alone. At the end the last job computes; `l` is what it has. */
OUT_OF_LINE void run(const void *params, struct load *l, const struct shape *s, const int8_t *input, int32_t channels, int8_t *output,
                     int32_t batches, int prepared) {
  for (;;) {
    if (!prepared) load_weights(l->weights, (int32_t)memory_rows(l), !l->depthwise);
    const int8_t *from = input;
    int8_t *to = output;
    for (int32_t batch = batches;;) {
      describe(s, from, l->depthwise ? l->count : channels, to, l->count);
      cfu_barrier();
      if (l->depthwise) (void)cfu_engine_start_depthwise(0, 0);
      else (void)cfu_engine_start_conv(0, 0);
      if (--batch == 0) break;
      finish(params);
      from += s->height * s->width * s->pixel_bytes;
      to += s->output_height * s->output_width * s->output_pixel_bytes;
    }
    if (l->count == l->left) return;
    const struct load running = *l;
    next_load(l);
    prepared = load_ahead(l, running.count, running.store_rows);
    finish(params);
    output += running.count;
    if (l->depthwise) input += running.count;
    if (!prepared) load_channels(l->channels, l->count);
  }
}

static void conv(const struct cfukit_conv *p, cfukit_kernel *kernel) {
  struct load l;
  int prepared = begin_call(&l, kernel, p);
  const int32_t channels = l.depthwise ? p->input_channels : p->filter_channels, outputs = l.left;
  must_be_in_tcm(p, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  const struct shape s = {
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
      .rows = l.rows,
      .output_height = p->output_height,
      .output_width = p->output_width,
      .output_pixel_bytes = p->output_channels,
  };
  int8_t *output = p->output;
  for (int32_t first = 0;; output += outputs) {
    run(p, &l, &s, p->input + first, channels, output, p->batches, prepared);
    first += channels;
    if (first >= p->input_channels) break;
    finish(p);
    l.weights += memory_rows(&l) * LANES, l.channels += l.count, l.left = outputs; /* a group lies behind the other */
    begin_load(&l);
    load_channels(l.channels, l.count);
    prepared = 0;
  }
  cfukit_engine_finish_last(p, l.count, l.store_rows);
}

void cfukit_engine_conv(const void *params) { conv(params, cfukit_engine_conv); }
void cfukit_engine_depthwise(const void *params) { conv(params, cfukit_engine_depthwise); }

/* Each item of the batch is a pixel. */
void cfukit_engine_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  struct load l;
  const int prepared = begin_call(&l, cfukit_engine_fully_connected, params);
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
      .rows = l.rows,
      .output_height = 1,
      .output_width = p->batches,
      .output_pixel_bytes = p->output_channels,
  };
  run(params, &l, &s, p->input, p->input_channels, p->output, 1, prepared);
  cfukit_engine_finish_last(params, l.count, l.store_rows);
}

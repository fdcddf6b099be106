/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on the streaming engine. */
#include "engine.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_conv_add(const void *params);
void cfukit_engine_depthwise_add(const void *params);
void cfukit_engine_fully_connected(const void *params);

/* What a job has in the stores: the weights of `count` outputs, of `left` that are still to do. They take `store_rows` rows: `rows` for each
 * block of outputs that are computed at once. A job has at most `most` outputs. added: of a residual call, else 0. Then the first job has
 * `head` channels before those of its outputs, for the terms and the scale of the sum. */
struct load {
  const int8_t *weights;
  const struct cfukit_channel *channels;
  int32_t left, count, most, rows, store_rows;
  int depthwise;
#if CFU_PARAM_RESIDUAL
  int32_t head;
  const struct cfukit_conv_add *added;
#endif
};

#define HEAD_ROWS 3
#define HEAD (HEAD_ROWS * CFU_PARAM_REQUANTIZERS)

#if CFU_PARAM_DMA
static inline int is_residual(cfukit_kernel *kernel) {
  return CFU_PARAM_RESIDUAL && (kernel == cfukit_engine_conv_add || kernel == cfukit_engine_depthwise_add);
}
#endif

#if CFU_PARAM_RESIDUAL
static inline const struct cfukit_conv_add *added_of(const struct load *l) { return l->added; }
static inline void set_added(struct load *l, const struct cfukit_conv_add *added, int32_t head) { l->added = added, l->head = head; }
static inline int32_t head_of(const struct load *l) { return l->head; }
#else
static inline const struct cfukit_conv_add *added_of(const struct load *l) { return (void)l, (const void *)0; }
static inline void set_added(struct load *l, const struct cfukit_conv_add *added, int32_t head) { (void)l, (void)added, (void)head; }
static inline int32_t head_of(const struct load *l) { return (void)l, 0; }
#endif

static inline int32_t channels_of(const struct load *l) { return head_of(l) + l->count; }

static inline int32_t rows_of(const struct load *l, int32_t outputs) {
  return (l->depthwise ? (outputs + LANES - 1) / LANES : (outputs + OUTPUTS - 1) / OUTPUTS) * l->rows;
}

static inline uint32_t memory_rows(const struct load *l) { return (uint32_t)(l->depthwise ? l->store_rows : l->store_rows * OUTPUTS); }

/* Of the first job for `left` outputs. With DMA, jobs that are one of several leave room for the next one. */
OUT_OF_LINE void begin_load(struct load *l) {
  l->store_rows = rows_of(l, l->left);
  l->count = l->most = l->left;
  if (l->left + head_of(l) <= CFU_PARAM_CHANNELS && l->store_rows <= CFU_PARAM_WEIGHT_ROWS) return;
  const int32_t parts = CFU_PARAM_DMA && 2 * l->rows <= CFU_PARAM_WEIGHT_ROWS ? 2 : 1, block = l->depthwise ? LANES : OUTPUTS;
  l->most = at_most(CFU_PARAM_WEIGHT_ROWS / parts / l->rows, (CFU_PARAM_CHANNELS - head_of(l)) / parts / block) * block;
  l->count = at_most(l->left, l->most);
  l->store_rows = rows_of(l, l->count);
}

/* Of the job behind this one. */
static inline void next_load(struct load *l) {
  l->weights += (int32_t)memory_rows(l) * LANES;
  l->channels += channels_of(l);
  set_added(l, added_of(l), 0);
  l->left -= l->count;
  l->count = at_most(l->left, l->most);
  l->store_rows = rows_of(l, l->count);
}

/* Of the first job of a call; of its first group, if there are several. A depthwise convolution with a multiplier other than 1 is a
 * convolution, each of whose input channels is a group. */
OUT_OF_LINE void first_load(struct load *l, cfukit_kernel *kernel, const void *params) {
  l->depthwise = 0;
  set_added(l, 0, 0);
  if (kernel == cfukit_engine_fully_connected) {
    const struct cfukit_fully_connected *p = params;
    l->weights = p->weights, l->channels = p->channels, l->left = p->output_channels;
    l->rows = (p->input_channels + LANES - 1) / LANES;
  } else {
    const struct cfukit_conv *p = params; /* struct cfukit_conv_add begins alike */
    const int32_t taps = p->filter_height * p->filter_width;
    l->weights = p->weights, l->channels = p->channels, l->left = p->output_channels;
    int depthwise = kernel == cfukit_engine_depthwise;
    if (CFU_PARAM_RESIDUAL && kernel != cfukit_engine_conv && !depthwise) {
      set_added(l, params, HEAD);
      depthwise = kernel == cfukit_engine_depthwise_add;
    }
    if (depthwise && p->depth_multiplier == 1) {
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
  if (channel_rows * CFU_PARAM_REQUANTIZERS + channels_of(l) > CFU_PARAM_CHANNELS) return 0;
  if (rows + l->store_rows > CFU_PARAM_WEIGHT_ROWS || !in_main(l->weights, LANES) || !in_main(l->channels, 4)) return 0;
  (void)cfu_engine_start_next_channels(CFU_DMA_ADDR(l->channels), (uint32_t)channels_of(l));
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
    if (kernel == cfukit_engine_conv || kernel == cfukit_engine_depthwise || kernel == cfukit_engine_fully_connected || is_residual(kernel)) {
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
  if (!prepared) load_channels(l->channels, channels_of(l));
  return prepared;
}

/* The tables of an ADD from the channels of a call's first job, unless a call on another band has made them. */
OUT_OF_LINE void begin_sum(const struct cfukit_conv_add *p) {
#if CFU_PARAM_RESIDUAL
  if (!in_tcm(p->addend, CFU_PARAM_REQUANTIZERS)) cfukit_refuse(p, (uint32_t)(uintptr_t)p->addend);
  if (cfukit_kept == p->channels) return;
  cfukit_kept = p->channels;
  (void)cfu_engine_start_terms(0, 0);
#else
  (void)p;
#endif
}

OUT_OF_LINE void describe_sum(const struct load *l) {
#if CFU_PARAM_RESIDUAL
  const struct cfukit_conv_add *const p = l->added;
  const int32_t first = p->output_channels - l->left;
  (void)cfu_engine_set_addend(CFU_ADDR(p->addend + first), (uint32_t)p->output_channels);
  const uint32_t range = (uint32_t)(uint8_t)p->sum_min << 8 | (uint32_t)(uint8_t)p->sum_max << 16;
  (void)cfu_engine_set_sum((uint8_t)p->sum_zero_point | range, head_of(l) ? HEAD_ROWS : 0);
#else
  (void)l;
#endif
}

static inline void start_job(const struct load *l) {
  cfu_barrier();
#if CFU_PARAM_RESIDUAL
  if (l->added) {
    if (l->depthwise) (void)cfu_engine_start_depthwise_add(0, 0);
    else (void)cfu_engine_start_conv_add(0, 0);
    return;
  }
#endif
  if (l->depthwise) (void)cfu_engine_start_depthwise(0, 0);
  else (void)cfu_engine_start_conv(0, 0);
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
      if (added_of(l)) describe_sum(l);
      start_job(l);
      if (--batch == 0) break;
      finish(params);
      from += s->height * s->width * s->pixel_bytes;
      to += s->output_height * s->output_width * s->output_pixel_bytes;
    }
    if (l->count == l->left) return;
    const struct load running = *l;
    next_load(l);
    prepared = load_ahead(l, channels_of(&running), running.store_rows);
    finish(params);
    output += running.count;
    if (l->depthwise) input += running.count;
    if (!prepared) load_channels(l->channels, channels_of(l));
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
  if (added_of(&l)) begin_sum(added_of(&l));
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
  cfukit_engine_finish_last(p, channels_of(&l), l.store_rows);
}

void cfukit_engine_conv(const void *params) { conv(params, cfukit_engine_conv); }
void cfukit_engine_depthwise(const void *params) { conv(params, cfukit_engine_depthwise); }
#if CFU_PARAM_RESIDUAL
void cfukit_engine_conv_add(const void *params) { conv(params, cfukit_engine_conv_add); }
void cfukit_engine_depthwise_add(const void *params) { conv(params, cfukit_engine_depthwise_add); }
#endif

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

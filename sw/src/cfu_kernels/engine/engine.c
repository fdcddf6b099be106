/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on the streaming engine. */
#include "engine.h"

void cfukit_engine_conv(const void *params);
void cfukit_engine_depthwise(const void *params);
void cfukit_engine_fully_connected(const void *params);

/* What the jobs of an operator have in the stores. Its weights take `rows` rows for each block of outputs that are computed at once, and a
 * job has at most `most` outputs. */
struct load {
  const int8_t *weights;
  const struct cfukit_channel *channels;
  int32_t outputs, rows, most, depthwise;
};

/* With DMA, jobs that are one of several leave room for the next one. A division takes a while, so only if it must be. */
static int32_t most_at_once(int32_t rows, int32_t outputs, int32_t block) {
  if (outputs <= CFU_PARAM_CHANNELS && (outputs + block - 1) / block * rows <= CFU_PARAM_WEIGHT_ROWS) return outputs;
  const int32_t parts = CFU_PARAM_DMA && 2 * rows <= CFU_PARAM_WEIGHT_ROWS ? 2 : 1;
  return at_most(CFU_PARAM_WEIGHT_ROWS / parts / rows, CFU_PARAM_CHANNELS / parts / block) * block;
}

static struct load load_of(const void *weights, const struct cfukit_channel *channels, int32_t outputs, int32_t rows, int depthwise) {
  return (struct load){weights, channels, outputs, rows, most_at_once(rows, outputs, depthwise ? LANES : OUTPUTS), depthwise};
}

/* Of the first group, if there are several. */
static struct load load_of_conv(const struct cfukit_conv *p) {
  const int32_t channels = p->filter_channels, groups = p->input_channels == channels ? 1 : p->input_channels / channels;
  const int32_t outputs = groups == 1 ? p->output_channels : p->output_channels / groups;
  return load_of(p->weights, p->channels, outputs, (p->filter_height * p->filter_width * channels + LANES - 1) / LANES, 0);
}

/* With a multiplier other than 1, each input channel is a group of its own. */
static struct load load_of_depthwise(const struct cfukit_conv *p) {
  if (p->depth_multiplier != 1) return load_of_conv(p);
  return load_of(p->weights, p->channels, p->output_channels, p->filter_height * p->filter_width, 1);
}

static struct load load_of_fully_connected(const struct cfukit_fully_connected *p) {
  return load_of(p->weights, p->channels, p->output_channels, (p->input_channels + LANES - 1) / LANES, 0);
}

/* Of the job that begins with output `first`: its outputs, the rows of the store and of the memory that its weights take, and where they are. */
static int32_t count_of(const struct load *l, int32_t first) { return at_most(l->outputs - first, l->most); }

static int32_t store_rows(const struct load *l, int32_t first) {
  const int32_t block = l->depthwise ? LANES : OUTPUTS;
  return (count_of(l, first) + block - 1) / block * l->rows;
}

static int32_t memory_rows(const struct load *l, int32_t first) { return store_rows(l, first) * (l->depthwise ? 1 : OUTPUTS); }
static const int8_t *weights_of(const struct load *l, int32_t first) { return l->weights + first * l->rows * (l->depthwise ? 1 : LANES); }

/* Loads for the job that begins with `first`, beside the one that computes and begins with `now` of `running`. Whether it could. */
OUT_OF_LINE int load_ahead(const struct load *l, int32_t first, const struct load *running, int32_t now) {
#if CFU_PARAM_DMA
  const int8_t *const weights = weights_of(l, first);
  const struct cfukit_channel *const channels = l->channels + first;
  const int32_t count = count_of(l, first), channel_rows = (count_of(running, now) + CFU_PARAM_REQUANTIZERS - 1) / CFU_PARAM_REQUANTIZERS;
  if (channel_rows * CFU_PARAM_REQUANTIZERS + count > CFU_PARAM_CHANNELS) return 0;
  if (store_rows(l, first) + store_rows(running, now) > CFU_PARAM_WEIGHT_ROWS) return 0;
  if (!in_main(weights, LANES) || !in_main(channels, 4)) return 0;
  (void)cfu_engine_start_next_channels(CFU_DMA_ADDR(channels), (uint32_t)count);
  const uint32_t rows = (uint32_t)memory_rows(l, first);
  if (l->depthwise) (void)cfu_engine_start_next_depthwise_weights(CFU_DMA_ADDR(weights), rows);
  else (void)cfu_engine_start_next_weights(CFU_DMA_ADDR(weights), rows);
  return 1;
#else
  (void)l, (void)first, (void)running, (void)now;
  return 0;
#endif
}

/* Likewise, for the next call, while the last job of this one computes. Then the end of this one. */
OUT_OF_LINE void finish_last(const void *params, const struct load *running, uint32_t bytes) {
#if CFU_PARAM_DMA
  const struct cfukit_op *const op = cfukit_following;
  cfukit_kernel *const kernel = op ? op->kernel : 0;
  if (kernel == cfukit_engine_conv || kernel == cfukit_engine_depthwise || kernel == cfukit_engine_fully_connected) {
    const struct load next = kernel == cfukit_engine_conv        ? load_of_conv(op->params)
                             : kernel == cfukit_engine_depthwise ? load_of_depthwise(op->params)
                                                                 : load_of_fully_connected(op->params);
    const int32_t last = running->outputs <= running->most ? 0 : (running->outputs - 1) / running->most * running->most;
    if (load_ahead(&next, 0, running, last)) cfukit_prepared = op->params;
  } else {
    fetch_behind(params, bytes);
  }
#else
  (void)running, (void)bytes;
#endif
  finish(params);
}

/* Whether the engine has, or is loading, what the first job needs. Else it loads the channels. */
OUT_OF_LINE int is_prepared(const void *params, const struct load *l, const void *input, const void *output) {
  const int prepared = cfukit_prepared == params;
#if CFU_PARAM_DMA
  set_main();
#endif
  if (!prepared) load_channels(l->channels, count_of(l, 0));
  begin(params, input, output);
  return prepared;
}

/* The outputs from `output` on in all images, in as many jobs as their weights need. `prepared`: the engine has all that the first one needs;
 * else its channels alone. The last job runs at the end. */
static void run(const void *params, const struct load *l, const struct shape *s, const int8_t *input, int32_t channels, int8_t *output,
                int32_t batches, int prepared) {
  for (int32_t first = 0; first < l->outputs; first += l->most) {
    const int32_t count = count_of(l, first);
    if (first) {
      finish(params);
      if (!prepared) load_channels(l->channels + first, count);
    }
    for (int32_t batch = 0; batch < batches; batch++) {
      if (batch) finish(params);
      else if (!prepared) load_weights(weights_of(l, first), memory_rows(l, first), !l->depthwise);
      describe(s, input + batch * s->height * s->width * s->pixel_bytes + (l->depthwise ? first : 0), l->depthwise ? count : channels,
               output + batch * s->output_height * s->output_width * s->output_pixel_bytes + first, count);
      launch(l->depthwise ? CFU_ENGINE_START_DEPTHWISE : CFU_ENGINE_START_CONV);
    }
    prepared = first + l->most < l->outputs && load_ahead(l, first + l->most, l, first);
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

static void conv(const struct cfukit_conv *p, struct load l) {
  int prepared = is_prepared(p, &l, p->input, p->output);
  set_range(p->input_zero_point, p->output_zero_point, p->activation_min, p->activation_max);
  const struct shape s = shape_of(p, l.rows);
  const int32_t channels = l.depthwise ? p->input_channels : p->filter_channels;
  const int32_t group_bytes = (l.outputs + OUTPUTS - 1) / OUTPUTS * OUTPUTS * l.rows * LANES;
  run(p, &l, &s, p->input, channels, p->output, p->batches, prepared);
  int8_t *output = p->output;
  for (int32_t group = channels; group < p->input_channels; group += channels) {
    l.weights += group_bytes, l.channels += l.outputs, output += l.outputs;
    finish(p);
    load_channels(l.channels, count_of(&l, 0));
    run(p, &l, &s, p->input + group, channels, output, p->batches, 0);
  }
  finish_last(p, &l, sizeof *p);
}

void cfukit_engine_conv(const void *params) { conv(params, load_of_conv(params)); }
void cfukit_engine_depthwise(const void *params) { conv(params, load_of_depthwise(params)); }

/* Each item of the batch is a pixel. */
void cfukit_engine_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const struct load l = load_of_fully_connected(p);
  const int prepared = is_prepared(params, &l, p->input, p->output);
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
  finish_last(params, &l, sizeof *p);
}

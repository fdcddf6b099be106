/* AVERAGE_POOL_2D and MAX_POOL_2D on the streaming engine. An average is a depthwise convolution whose weights are all the same, and whose
 * multiplier is 1 / (weight * taps). Values in the padding are 0, so only the multiplier depends on where a window lies. A largest value
 * has the weight and the multiplier 1, and values in the padding are -128. */
#include "cfukit_one_over.h"
#include "engine.h"

void cfukit_engine_average_pool(const void *params);
void cfukit_engine_max_pool(const void *params);

#define POOL_WEIGHT 64 /* a power of two: it keeps the two roundings of the mean apart */

/* Outputs side by side along an axis, from `first` on, whose windows have equally many taps inside the image. */
struct run {
  int32_t first, count, taps;
};

static int32_t taps_inside(int32_t output, int32_t stride, int32_t padding, int32_t filter, int32_t size) {
  const int32_t begin = output * stride - padding, end = at_most(begin + filter, size);
  return end - (begin < 0 ? 0 : begin);
}

static struct run run_from(int32_t first, int32_t outputs, int32_t stride, int32_t padding, int32_t filter, int32_t size) {
  struct run run = {first, 1, taps_inside(first, stride, padding, filter, size)};
  while (first + run.count < outputs && taps_inside(first + run.count, stride, padding, filter, size) == run.taps) run.count++;
  return run;
}

static void all_channels(const struct cfukit_pool *p, const struct shape *s, const int8_t *input, int8_t *output, int job, int ends) {
  for (int32_t first = 0; first < p->channels; first += MAX_CHANNELS) {
    const int32_t count = at_most(p->channels - first, MAX_CHANNELS);
    start(s, input + first, count, output + first, count, job);
    finish_job(p, ends && p->channels - first == count, CFU_PARAM_REQUANTIZERS, s->rows);
  }
}

static struct shape shape_of(const struct cfukit_pool *p) {
  return (struct shape){
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
      .top = -p->padding_top,
      .left = -p->padding_left,
      .rows = p->filter_height * p->filter_width,
      .output_height = p->output_height,
      .output_width = p->output_width,
      .output_pixel_bytes = p->channels,
  };
}

/* The outputs of a run of rows by a run of columns, in all images. A job's outputs are the same distance apart: those of all columns, or else
 * of one line, row or column, whichever is longer. */
static void pool(const struct cfukit_pool *p, struct run rows, struct run columns) {
  const int ends = rows.first + rows.count == p->output_height && columns.first + columns.count == p->output_width;
  const int whole = columns.count == p->output_width, by_row = whole || columns.count >= rows.count;
  const int32_t pixel_bytes = p->channels, row_bytes = p->output_width * pixel_bytes;
  const int32_t lines = whole ? 1 : by_row ? rows.count : columns.count, line_bytes = by_row ? row_bytes : pixel_bytes;
  struct shape s = shape_of(p);
  s.output_height = by_row && !whole ? 1 : rows.count;
  s.output_width = by_row ? columns.count : 1;
  s.output_pixel_bytes = by_row ? pixel_bytes : row_bytes;
  (void)cfu_engine_feed_restart(CHANNELS_ALONE, 0);
  feed_channels(cfukit_one_over((uint32_t)(POOL_WEIGHT * rows.taps * columns.taps)), CFU_PARAM_REQUANTIZERS);
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *input = p->input + batch * p->input_height * s.row_bytes;
    int8_t *output = p->output + (batch * p->output_height + rows.first) * row_bytes + columns.first * pixel_bytes;
    for (int32_t line = 0; line < lines; line++, output += line_bytes) {
      s.top = (rows.first + (by_row ? line : 0)) * p->stride_height - p->padding_top;
      s.left = (columns.first + (by_row ? 0 : line)) * p->stride_width - p->padding_left;
      all_channels(p, &s, input, output, CFU_ENGINE_START_SUM, ends && batch == p->batches - 1 && line == lines - 1);
    }
  }
}

void cfukit_engine_average_pool(const void *params) {
  const struct cfukit_pool *p = params;
  begin(params, p->input, p->output);
  set_range(0, 0, p->activation_min, p->activation_max);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(POOL_WEIGHT * 0x01010101u, p->filter_height * p->filter_width);
  struct run rows, columns;
  for (int32_t y = 0; y < p->output_height; y += rows.count) {
    rows = run_from(y, p->output_height, p->stride_height, p->padding_top, p->filter_height, p->input_height);
    for (int32_t x = 0; x < p->output_width; x += columns.count) {
      columns = run_from(x, p->output_width, p->stride_width, p->padding_left, p->filter_width, p->input_width);
      pool(p, rows, columns);
    }
  }
}

void cfukit_engine_max_pool(const void *params) {
  const struct cfukit_pool *p = params;
  const struct shape s = shape_of(p);
  begin(params, p->input, p->output);
  set_range(INT8_MIN, 0, p->activation_min, p->activation_max);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(0x01010101, s.rows);
  feed_channels(AS_IT_IS, CFU_PARAM_REQUANTIZERS);
  for (int32_t batch = 0; batch < p->batches; batch++) {
    all_channels(p, &s, p->input + batch * s.height * s.row_bytes,
                 p->output + batch * s.output_height * s.output_width * p->channels, CFU_ENGINE_START_MAX, batch == p->batches - 1);
  }
}

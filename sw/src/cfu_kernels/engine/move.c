/* Operators that only move int8, such as PAD and CONCATENATION, on the streaming engine. Long runs that are whole rows on both sides are
 * copied; others are pixels of a job SUM with one tap. What the engine does not reach, or not step over, is left to the CPU. */
#include "cfukit_im2col.h"
#include "engine.h"

void cfukit_engine_move(const void *params);

#define FEW_BYTES 128 /* a job is not worth its start */
#define LONG_RUN 256

static int is_distance(int32_t bytes) { return bytes >= 0 && bytes <= MAX_DISTANCE; }

/* Whether each run is copied by a job of its own. */
static int has_long_runs(const struct cfukit_piece *p) {
  const int32_t *i = p->input_strides, *o = p->output_strides;
  uint32_t places = (uint32_t)(uintptr_t)p->input | (uint32_t)(uintptr_t)p->output | (uint32_t)p->sizes[4];
  for (int32_t axis = 0; axis < 4; axis++) places |= (uint32_t)(i[axis] | o[axis]);
  return i[4] == 1 && o[4] == 1 && p->sizes[4] >= LONG_RUN && places % LANES == 0;
}

static void by_cpu(const uint8_t *from, uint8_t *to, const struct cfukit_piece *p) {
  for (int32_t n = 0; n < p->sizes[4]; n++, from += p->input_strides[4], to += p->output_strides[4]) *to = *from;
}

static void by_runs(const struct cfukit_piece *p, int copies) {
  const int32_t *n = p->sizes, *i = p->input_strides, *o = p->output_strides;
  for (int32_t a = 0; a < n[0]; a++) {
    for (int32_t b = 0; b < n[1]; b++) {
      for (int32_t c = 0; c < n[2]; c++) {
        const uint8_t *from = p->input + a * i[0] + b * i[1] + c * i[2];
        uint8_t *to = p->output + a * o[0] + b * o[1] + c * o[2];
        for (int32_t d = 0; d < n[3]; d++, from += i[3], to += o[3]) {
          const struct cfukit_copy run = {from, to, n[4]};
          if (copies) cfukit_engine_copy(&run);
          else by_cpu(from, to, p);
        }
      }
    }
  }
}

/* `height` x `width` pixels, along the axes `across` - 1 and `across`. The outputs of several rows are equally far apart. */
static void pixels(const void *params, const struct cfukit_piece *p, const uint8_t *input, uint8_t *output, int32_t height, int32_t across) {
  const int32_t channels = across == 3 ? p->sizes[4] : 1, width = p->sizes[across];
  const int32_t from_step = p->input_strides[across], to_step = p->output_strides[width == 1 ? across - 1 : across];
  struct shape s = {
      .height = height,
      .pixel_bytes = from_step,
      .row_bytes = p->input_strides[across - 1],
      .filter_height = 1,
      .filter_width = 1,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .rows = 1,
      .output_height = height,
      .output_pixel_bytes = to_step,
  };
  for (int32_t x = 0; x < width; x += s.width) {
    s.width = s.output_width = at_most(width - x, MAX_ROWS);
    for (int32_t first = 0; first < channels; first += MAX_CHANNELS) {
      const int8_t *const from = (const int8_t *)input + x * from_step + first;
      const int32_t count = at_most(channels - first, MAX_CHANNELS);
      start(&s, from, count, (int8_t *)output + x * to_step + first, count, CFU_ENGINE_START_SUM);
      finish(params);
    }
  }
}

/* The axis along which pixels lie is the one before the run, or the last one if there are no runs. */
static void by_pixels(const void *params, const struct cfukit_piece *p) {
  const int32_t *n = p->sizes, *i = p->input_strides, *o = p->output_strides;
  const int32_t across = i[4] == 1 && o[4] == 1 ? 3 : 4, down = across - 1, outer = across == 3 ? 1 : n[2];
  const int even = n[across] == 1 || (o[down] == n[across] * o[across] && n[across] <= MAX_ROWS);
  const int32_t most = even ? MAX_ROWS : 1;
  for (int32_t a = 0; a < n[0]; a++) {
    for (int32_t b = 0; b < n[1]; b++) {
      for (int32_t c = 0; c < outer; c++) {
        const uint8_t *const from = p->input + a * i[0] + b * i[1] + c * i[2];
        uint8_t *const to = p->output + a * o[0] + b * o[1] + c * o[2];
        for (int32_t y = 0, rows; y < n[down]; y += rows) {
          rows = at_most(n[down] - y, most);
          pixels(params, p, from + y * i[down], to + y * o[down], rows, across);
        }
      }
    }
  }
}

static void move(const void *params, const struct cfukit_piece *p) {
  const int32_t *n = p->sizes, *i = p->input_strides, *o = p->output_strides;
  const int32_t count = n[0] * n[1] * n[2] * n[3] * n[4];
  const int steps = is_distance(i[2]) && is_distance(i[3]) && is_distance(i[4]) && is_distance(o[2]) && is_distance(o[3]) && is_distance(o[4]);
  if (count >= FEW_BYTES && has_long_runs(p)) by_runs(p, 1);
  else if (count >= FEW_BYTES && steps && in_tcm(p->input, 1)) by_pixels(params, p);
  else by_runs(p, 0);
}

void cfukit_engine_move(const void *params) {
  const struct cfukit_move *p = params;
  if (p->fill_bytes) {
    word *fill = (word *)(void *)p->fill; /* tensors begin at words */
    const uint32_t value = p->fill_value;
    int32_t words = p->fill_bytes >> 2;
    for (; words >= 4; words -= 4, fill += 4) fill[0] = value, fill[1] = value, fill[2] = value, fill[3] = value;
    for (; words > 0; words--) *fill++ = value;
    (void)cfukit_fill((int8_t *)fill, (int32_t)value, p->fill_bytes & 3);
  }
  cfukit_prepared = 0;
  set_range(0, 0, INT8_MIN, INT8_MAX);
  (void)cfu_engine_feed_restart(0, 0);
  fill_weights(0x01010101, 1);
  feed_channels(AS_IT_IS, CFU_PARAM_REQUANTIZERS);
  for (int32_t piece = 0; piece < p->n_pieces; piece++) {
    must_be_in_tcm(params, p->pieces[piece].output, p->pieces[piece].output);
    move(params, &p->pieces[piece]);
  }
}

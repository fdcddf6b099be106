/* CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on this project's CFU.
 *
 * The CFU computes a pixel while the CPU feeds the window of the next one and takes results. The CPU has no multiplier, so addresses
 * and sizes are sums where it matters.
 */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"

void pixel_conv(const void *params);
void pixel_depthwise(const void *params);
void pixel_fully_connected(const void *params);

#define WEIGHT_ROWS CFU_PARAM_WEIGHT_ROWS
#define WINDOW_ROWS CFU_PARAM_WINDOW_ROWS
#define CHANNELS CFU_PARAM_CHANNELS

typedef uint32_t __attribute__((may_alias)) word;

static int aligned(const void *pointer) { return ((uintptr_t)pointer & 3) == 0; }

static inline uint32_t bytes_at(const int8_t *at) {
  const uint8_t *const b = (const uint8_t *)at;
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* The results of the pixel that is computed: where the next ones go, their end, and whether all go as whole words. */
struct results {
  int8_t *to, *end;
  int whole;
};

static inline __attribute__((always_inline)) void take(struct results *r) {
  const uint32_t four = cfu_pixel_get();
  if (r->whole) {
    *(word *)(void *)r->to = four;
    r->to += 4;
    return;
  }
  const int32_t left = cfukit_min((int32_t)(r->end - r->to), 4);
  for (int32_t n = 0; n < left; n++) r->to[n] = (int8_t)(four >> (8 * (4 - left + n)));
  r->to += left;
}

static inline __attribute__((always_inline)) void take_all(struct results *r) {
  if (r->whole) {
    for (; r->to != r->end; r->to += 4) *(word *)(void *)r->to = cfu_pixel_get();
  }
  while (r->to != r->end) take(r);
}

/* `count` words from `from`. Results are taken as often as the CFU makes them. */
static inline __attribute__((always_inline)) void feed(const int8_t *from, int32_t count, struct results *r) {
  if (aligned(from)) {
    const word *f = (const word *)(const void *)from;
    for (const word *const end = f + (count & ~3); f != end; f += 4) {
      const uint32_t a = f[0], b = f[1], c = f[2], d = f[3];
      (void)cfu_pixel_feed_window(a, 0);
      (void)cfu_pixel_feed_window(b, 0);
      (void)cfu_pixel_feed_window(c, 0);
      (void)cfu_pixel_feed_window(d, 0);
      if (r->to != r->end) take(r);
    }
    for (count &= 3; count > 0; count--) (void)cfu_pixel_feed_window(*f++, 0);
    return;
  }
  for (; count > 0; count--, from += 4) (void)cfu_pixel_feed_window(bytes_at(from), 0);
  if (r->to != r->end) take(r);
}

static inline __attribute__((always_inline)) void feed_padding(uint32_t padding, int32_t count, struct results *r) {
  for (; count >= 4; count -= 4) {
    for (int32_t n = 0; n < 4; n++) (void)cfu_pixel_feed_window(padding, 0);
    if (r->to != r->end) take(r);
  }
  for (; count > 0; count--) (void)cfu_pixel_feed_window(padding, 0);
}

/* How windows are fed; packing.py orders the weights alike.
 *
 * COLUMNS: column by column, in whole words of channels. The next window of a row needs only its new columns.
 * ROWS: row by row, each filled up to whole words.
 * GATHERED: from scratch, all bytes one behind the other.
 */
enum order { COLUMNS, ROWS, GATHERED };

/* A pass: `outputs` output channels of all pixels. words: of a tap (COLUMNS), a row of the filter, or a window. */
struct pass {
  const struct cfukit_conv *p;
  const int8_t *input; /* first channel */
  int8_t *output;
  const int8_t *weights;
  const struct cfukit_channel *channels;
  enum order order;
  int32_t words, outputs, depthwise, rows, span, stride;
  uint32_t padding; /* four times the input's zero point */
  int32_t tail; /* ROWS: bytes in a row's last word, 0 for all */
  int32_t row_bytes, dilated_row_bytes; /* of the input, from one row of taps to the next */
};

static uint32_t four_times(int32_t value) {
  const uint32_t one = (uint8_t)value;
  return one | one << 8 | one << 16 | one << 24;
}

/* The weight of an output channel: where packing.py put it. */
static int32_t weight(const struct pass *s, int32_t output, int32_t y, int32_t x, int32_t channel) {
  const struct cfukit_conv *const p = s->p;
  if (s->depthwise) return s->weights[((output / 4) * s->rows + x * p->filter_height + y) * 4 + output % 4];
  int32_t tap = (y * p->filter_width + x) * p->filter_channels + channel;
  if (s->order == COLUMNS) tap = (x * p->filter_height + y) * s->words * 4 + channel;
  if (s->order == ROWS) tap = y * s->words * 4 + x * p->filter_channels + channel;
  return s->weights[((output / 2 * s->rows + tap / 4) * 2 + output % 2) * 4 + tap % 4];
}

/* The pass without the CFU, which cannot rescale by 1/2 and more: such channels are rare. */
static void plain(const struct pass *s) {
  const struct cfukit_conv *const p = s->p;
  const int32_t channels = s->depthwise ? 1 : p->filter_channels;
  for (int32_t pixel = 0; pixel < p->batches * p->output_height * p->output_width; pixel++) {
    const int32_t x = pixel % p->output_width, y = pixel / p->output_width % p->output_height, batch = pixel / p->output_width / p->output_height;
    const int32_t top = y * p->stride_height - p->padding_top, left = x * p->stride_width - p->padding_left;
    for (int32_t output = 0; output < s->outputs; output++) {
      int32_t sum = s->channels[output].bias;
      for (int32_t tap = 0; tap < p->filter_height * p->filter_width; tap++) {
        const int32_t tap_y = tap / p->filter_width, tap_x = tap % p->filter_width;
        const int32_t row = top + tap_y * p->dilation_height, column = left + tap_x * p->dilation_width;
        const int inside = (uint32_t)row < (uint32_t)p->input_height && (uint32_t)column < (uint32_t)p->input_width;
        const int8_t *from = s->input + ((batch * p->input_height + row) * p->input_width + column) * p->input_channels;
        for (int32_t c = 0; c < channels; c++) {
          const int32_t value = inside ? from[s->depthwise ? output : c] : p->input_zero_point;
          sum += value * weight(s, output, tap_y, tap_x, c);
        }
      }
      const int32_t scaled = cfukit_multiply(sum, s->channels[output].multiplier, s->channels[output].shift);
      s->output[pixel * p->output_channels + output] =
          (int8_t)cfukit_clamp(scaled + p->output_zero_point, p->activation_min, p->activation_max);
    }
  }
}

/* Feed the columns of the window from number `column` on. The window's first tap is at (top, left), which is `corner`. */
static inline void feed_columns(const struct pass *s, const int8_t *corner, int32_t top, int32_t left, int32_t column, struct results *r) {
  const struct cfukit_conv *const p = s->p;
  for (int32_t n = 0; n < column; n++) corner += p->input_channels;
  for (; column < p->filter_width; column++, corner += p->input_channels) {
    const int inside = (uint32_t)(left + column) < (uint32_t)p->input_width;
    const int8_t *at = corner;
    for (int32_t row = p->filter_height, y = top; row > 0; row--, y += p->dilation_height, at += s->dilated_row_bytes) {
      if (inside && (uint32_t)y < (uint32_t)p->input_height) feed(at, s->words, r);
      else feed_padding(s->padding, s->words, r);
    }
  }
}

/* Feed the window row by row. */
static inline void feed_rows(const struct pass *s, const int8_t *corner, int32_t top, int32_t left, struct results *r) {
  const struct cfukit_conv *const p = s->p;
  const int inside = left >= 0 && left + p->filter_width <= p->input_width;
  for (int32_t row = p->filter_height, y = top; row > 0; row--, y += p->dilation_height, corner += s->dilated_row_bytes) {
    if ((uint32_t)y >= (uint32_t)p->input_height) {
      feed_padding(s->padding, s->words, r);
    } else if (inside) {
      feed(corner, s->tail ? s->words - 1 : s->words, r);
      if (s->tail) {
        uint32_t four = 0;
        for (int32_t n = s->tail; n > 0; n--) four = four << 8 | (uint8_t)corner[4 * s->words - 5 + n];
        (void)cfu_pixel_feed_window(four, 0);
      }
    } else {
      const int8_t *at = corner;
      uint32_t four = 0, byte = 0;
      for (int32_t x = left; x < left + p->filter_width; x++) {
        for (int32_t c = p->filter_channels; c > 0; c--, at++) {
          four = four >> 8 | ((uint32_t)x < (uint32_t)p->input_width ? (uint32_t)(uint8_t)*at << 24 : s->padding << 24);
          if ((++byte & 3) == 0) (void)cfu_pixel_feed_window(four, 0);
        }
      }
      if (byte & 3) (void)cfu_pixel_feed_window(four >> (32 - 8 * (byte & 3)), 0);
      if (r->to != r->end) take(r);
    }
  }
}

static void run(const struct pass *s) {
  const struct cfukit_conv *const p = s->p;
  for (int32_t n = 0; n < s->outputs; n++) {
    if (s->channels[n].shift >= 0) {
      plain(s);
      return;
    }
  }
  (void)cfu_pixel_feed_restart(7, 0);
  const word *w = (const word *)(const void *)s->weights;
  if (s->depthwise) {
    for (const word *const end = w + (s->outputs + 3) / 4 * s->rows; w != end; w++) (void)cfu_pixel_feed_weights(w[0], 0);
  } else {
    for (const word *const end = w + (s->outputs + 1) / 2 * s->rows * 2; w != end; w += 2) (void)cfu_pixel_feed_weights(w[0], w[1]);
  }
  (void)cfu_pixel_set_shape((uint32_t)(s->rows | s->span << 16),
                            (uint32_t)(s->outputs | s->depthwise << 15 | s->stride << 16));
  (void)cfu_pixel_set_range((uint32_t)(uint8_t)p->output_zero_point | (uint32_t)(uint8_t)p->activation_min << 8 |
                                (uint32_t)(uint8_t)p->activation_max << 16, 0);
  for (int32_t n = 0; n < s->outputs; n++) {
    (void)cfu_pixel_feed_channels((uint32_t)s->channels[n].bias, (uint32_t)(-s->channels[n].shift - 1));
    (void)cfu_pixel_feed_channels((uint32_t)s->channels[n].multiplier, 0);
  }
  const int32_t pixel_step = p->stride_width * p->input_channels, row_step = p->stride_height * s->row_bytes;
  const int32_t image_bytes = p->input_height * s->row_bytes;
  const int32_t origin = p->padding_top * s->row_bytes + p->padding_left * p->input_channels;
  const int32_t slides = p->stride_width < p->filter_width;
  const int32_t new_rows = slides ? p->stride_width * p->filter_height * s->words : s->span;
  const int8_t *image = s->input;
  struct results r = {s->output, s->output, aligned(s->output) && s->outputs % 4 == 0 && p->output_channels % 4 == 0};
  int8_t *output = s->output;
  uint32_t advance = 0; /* from one window to the next */
  for (int32_t batch = 0; batch < p->batches; batch++, image += image_bytes) {
    const int8_t *row_corner = image - origin;
    int32_t top = -p->padding_top;
    for (int32_t y = p->output_height; y > 0; y--, top += p->stride_height, row_corner += row_step) {
      const int8_t *corner = row_corner;
      int32_t left = -p->padding_left;
      for (int32_t x = p->output_width; x > 0; x--, left += p->stride_width, corner += pixel_step) {
        if (s->order == COLUMNS) {
          const int more = slides && x != p->output_width;
          feed_columns(s, corner, top, left, more ? p->filter_width - p->stride_width : 0, &r);
          if (more) advance = (uint32_t)new_rows;
        } else if (s->order == ROWS) {
          feed_rows(s, corner, top, left, &r);
        } else {
          cfukit_im2col(p, image, top, left, p->scratch);
          feed(p->scratch, s->words, &r);
        }
        take_all(&r);
        (void)cfu_pixel_start(advance);
        advance = (uint32_t)s->span;
        r.to = output, r.end = output + s->outputs;
        output += p->output_channels;
      }
    }
  }
  take_all(&r);
}

void pixel_conv(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t channels = p->filter_channels, groups = p->input_channels / channels, outputs = p->output_channels / groups;
  const int32_t taps = p->filter_height * p->filter_width;
  struct pass s = {.p = p, .order = GATHERED, .stride = 1, .words = (taps * channels + 3) / 4, .padding = four_times(p->input_zero_point)};
  s.row_bytes = p->input_width * p->input_channels;
  s.dilated_row_bytes = s.row_bytes * p->dilation_height;
  s.rows = s.words;
  if (groups == 1 && p->dilation_width == 1) {
    s.order = channels % 4 == 0 ? COLUMNS : ROWS;
    s.words = s.order == COLUMNS ? channels / 4 : (p->filter_width * channels + 3) / 4;
    s.tail = p->filter_width * channels & 3;
    s.rows = (s.order == COLUMNS ? taps : p->filter_height) * s.words;
  }
  s.span = s.rows;
  const int32_t most = cfukit_min(WEIGHT_ROWS / s.rows * 2, CHANNELS), output_bytes = s.rows * 4;
  for (int32_t group = 0; group < groups; group++) {
    s.input = p->input + group * channels;
    for (int32_t first = 0; first < outputs; first += most) {
      s.outputs = cfukit_min(most, outputs - first);
      s.weights = (const int8_t *)p->weights + (group * ((outputs + 1) & ~1) + first) * output_bytes;
      s.channels = p->channels + group * outputs + first;
      s.output = p->output + group * outputs + first;
      run(&s);
    }
  }
}

void pixel_depthwise(const void *params) {
  const struct cfukit_conv *p = params;
  if (p->input_channels == 1) {
    pixel_conv(params);
    return;
  }
  const int32_t taps = p->filter_height * p->filter_width, most = cfukit_min(WINDOW_ROWS / 2 / taps * 4, CHANNELS);
  for (int32_t first = 0; first < p->output_channels; first += most) {
    const int32_t outputs = cfukit_min(most, p->output_channels - first);
    const struct pass s = {
        .p = p,
        .input = p->input + first,
        .output = p->output + first,
        .weights = (const int8_t *)p->weights + first * taps,
        .channels = p->channels + first,
        .order = COLUMNS,
        .padding = four_times(p->input_zero_point),
        .words = outputs / 4,
        .outputs = outputs,
        .depthwise = 1,
        .rows = taps,
        .span = taps * (outputs / 4),
        .stride = outputs / 4,
        .row_bytes = p->input_width * p->input_channels,
        .dilated_row_bytes = p->input_width * p->input_channels * p->dilation_height,
    };
    run(&s);
  }
}

/* Each item of the batch is a pixel. */
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

/* A pass on this project's CFU, which computes a pixel while the CPU feeds the window of the next one and takes results. The CPU has no
 * multiplier, so addresses and sizes are sums where it matters. */
#include "pass.h"

#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_im2col.h"

#define INLINE static inline __attribute__((always_inline))

/* Keeps a compiler that sees a sum in a loop from multiplying instead. */
#define HIDE(sum) __asm__("" : "+r"(sum))

typedef uint32_t __attribute__((may_alias)) word;
typedef uint16_t __attribute__((may_alias)) half;

INLINE int aligned(const void *pointer) { return ((uintptr_t)pointer & 3) == 0; }

INLINE uint32_t word_at(const int8_t *at) {
  const uint8_t *const b = (const uint8_t *)at;
  if ((uintptr_t)at & 1) return b[0] | (uint32_t)*(const half *)(const void *)(b + 1) << 8 | (uint32_t)b[3] << 24;
  return *(const half *)(const void *)b | (uint32_t)*(const half *)(const void *)(b + 2) << 16;
}

/* count * value, where the count is small. */
INLINE int32_t times(int32_t count, int32_t value) {
  int32_t sum = 0;
  for (; count > 0; count--) {
    sum += value;
    HIDE(sum);
  }
  return sum;
}

static uint32_t four_times(int32_t value) {
  const uint32_t one = (uint8_t)value;
  return one | one << 8 | one << 16 | one << 24;
}

/* The weight of an output channel: where packing.py put it. */
static int32_t weight(const struct pass *s, int32_t output, int32_t y, int32_t x, int32_t channel) {
  const struct cfukit_conv *const p = s->op;
  const int32_t line = s->down ? y * s->across.filter + x : x * s->across.filter + y;
  if (s->depthwise) return s->weights[((output / 4) * s->rows + line) * 4 + output % 4];
  int32_t tap = (y * p->filter_width + x) * p->filter_channels + channel;
  if (s->order == TAPS) tap = line * s->words * 4 + channel;
  if (s->order == ROWS) tap = y * s->words * 4 + x * p->filter_channels + channel;
  return s->weights[((output / 2 * s->rows + tap / 4) * 2 + output % 2) * 4 + tap % 4];
}

/* The pass without the CFU, which cannot rescale by 1/2 and more: such channels are rare. */
static void plain(const struct pass *s) {
  const struct cfukit_conv *const p = s->op;
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

/* The results of a pixel: to `to`, up to `end`. whole: four at a time, and `to` is aligned. */
INLINE void take(int8_t *to, const int8_t *end, int whole) {
  if (whole) {
    for (; to != end; to += 4) *(word *)(void *)to = cfu_pixel_get();
    return;
  }
  while (to != end) {
    const uint32_t four = cfu_pixel_get();
    const int32_t left = cfukit_min((int32_t)(end - to), 4);
    for (int32_t n = 0; n < left; n++) to[n] = (int8_t)(four >> (8 * (4 - left + n)));
    to += left;
  }
}

INLINE void feed_word(uint32_t four) { (void)cfu_pixel_feed_window(four, 0); }

/* `count` words from `from`, which is aligned. */
INLINE void feed_aligned(const int8_t *from, int32_t count) {
  const word *f = (const word *)(const void *)from;
  for (const word *const end = f + (count & ~3); f != end; f += 4) {
    const uint32_t a = f[0], b = f[1], c = f[2], d = f[3]; /* a load's result is there two instructions later */
    feed_word(a), feed_word(b), feed_word(c), feed_word(d);
  }
  for (count &= 3; count > 0; count--) feed_word(*f++);
}

/* `count` words from anywhere. */
INLINE void feed(const int8_t *from, int32_t count) {
  for (; count > 0; count--, from += 4) feed_word(word_at(from));
}

INLINE void feed_padding(uint32_t padding, int32_t count) {
  for (; count >= 4; count -= 4) {
    for (int32_t n = 0; n < 4; n++) feed_word(padding);
  }
  for (; count > 0; count--) feed_word(padding);
}

/* What of a line lies inside the image: `before` units of padding, `inside` units, `after` units of padding. `bytes` from one run of
 * `run` units to the next. In order TAPS a unit is a word, and a run is one tap or all taps; in order ROWS a unit is a byte. */
struct line {
  int32_t before, inside, after, run, bytes, taps_before;
};

/* The line whose first tap lies at `position` across. */
static struct line line_at(const struct pass *s, int32_t position) {
  const struct axis *const a = &s->across;
  const int32_t unit = s->order == TAPS ? s->words : s->op->filter_channels;
  struct line l = {0, 0, 0, unit, times(a->dilation, a->input_bytes), 0};
  for (int32_t tap = a->filter; tap > 0; tap--, position += a->dilation) {
    if (position < 0) l.before += unit, l.taps_before++;
    else if (position < a->inputs) l.inside += unit;
    else l.after += unit;
  }
  if (s->order == ROWS || l.bytes == 4 * unit) l.run = l.inside;
  return l;
}

/* A line of order TAPS, whose first tap inside the image is at `at`. */
INLINE void feed_taps(const int8_t *at, struct line l, uint32_t padding, int words) {
  if (l.before) feed_padding(padding, l.before);
  int32_t left = l.inside;
  if (left) {
    do {
      if (words) feed_aligned(at, l.run);
      else feed(at, l.run);
      at += l.bytes;
    } while ((left -= l.run) > 0);
  }
  if (l.after) feed_padding(padding, l.after);
}

/* Bytes that become words. */
struct bytes {
  uint32_t four, count;
};

INLINE void add_byte(struct bytes *b, uint32_t byte) {
  b->four = b->four >> 8 | byte << 24;
  if ((++b->count & 3) == 0) feed_word(b->four);
}

/* A line of order ROWS, whose first byte inside the image is at `at`. */
INLINE void feed_row(const int8_t *at, struct line l, uint32_t padding) {
  struct bytes b = {0, 0};
  for (int32_t n = l.before; n > 0; n--) add_byte(&b, padding & 0xFF);
  if (l.before == 0) {
    const int32_t words = l.inside >> 2;
    feed(at, words);
    l.inside -= words * 4, at += words * 4;
  }
  for (; l.inside > 0; l.inside--) add_byte(&b, (uint8_t)*at++);
  for (; l.after > 0; l.after--) add_byte(&b, padding & 0xFF);
  if (b.count & 3) feed_word(b.four >> (32 - 8 * (b.count & 3)));
}

/* All pixels, whose weights and channels the CFU has; not GATHERED. The structs are copies, which the compiler keeps in registers: a
 * result that is stored could otherwise change them. words: taps are aligned. */
INLINE void pixels(const struct pass *given, enum order order, int words) {
  const struct pass s = *given;
  const struct axis along = s.along, across = s.across;
  const int32_t line_words = order == TAPS ? times(across.filter, s.words) : s.words, line_bytes = times(along.dilation, along.input_bytes);
  const int slides = along.dilation == 1 && along.stride <= along.filter;
  const int32_t new_lines = slides ? along.stride : along.filter, new_rows = slides ? times(along.stride, line_words) : s.span;
  /* From the end of a window to the first new line of the next one. */
  const int32_t gap_bytes = slides ? 0 : times(along.stride, along.input_bytes) - times(along.filter, line_bytes);
  const uint32_t padding = four_times(s.op->input_zero_point);
  const int8_t *image = s.input;
  int8_t *first_output = s.output, *to = 0; /* to: the results of the pixel before; 0 before the first */
  int32_t advance = 0;                      /* from one window to the next */
  for (int32_t batch = s.op->batches; batch > 0; batch--, image += s.image_bytes, first_output += s.output_bytes) {
    const int8_t *row = image - times(across.padding, across.input_bytes);
    int8_t *row_output = first_output;
    int32_t position = -across.padding;
    for (int32_t rows = across.outputs; rows > 0; rows--) {
      const struct line line = line_at(&s, position);
      const int8_t *const low = row + times(line.taps_before, line.bytes), *at = low - times(along.padding, along.input_bytes);
      int8_t *output = row_output;
      int32_t fresh = along.filter;
      for (int32_t pixel = along.outputs; pixel > 0; pixel--) {
        for (int32_t n = fresh; n > 0; n--, at += line_bytes) {
          if ((uint32_t)(at - low) >= (uint32_t)along.extent) feed_padding(padding, line_words);
          else if (order == TAPS) feed_taps(at, line, padding, words);
          else feed_row(at, line, padding);
          HIDE(at);
        }
        (void)cfu_pixel_start((uint32_t)advance);
        if (to) take(to, to + s.outputs, s.whole);
        to = output;
        output += along.output_bytes, at += gap_bytes;
        fresh = new_lines, advance = new_rows;
      }
      advance = s.span;
      position += across.stride, row += times(across.stride, across.input_bytes), row_output += across.output_bytes;
    }
  }
  take(to, to + s.outputs, s.whole);
}

/* The same, with windows from scratch. */
static void gathered(const struct pass *s) {
  const struct cfukit_conv *const p = s->op;
  int8_t *to = s->output;
  int32_t advance = 0;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = s->input + batch * s->image_bytes;
    for (int32_t y = 0; y < p->output_height; y++) {
      for (int32_t x = 0; x < p->output_width; x++) {
        cfukit_im2col(p, image, y * p->stride_height - p->padding_top, x * p->stride_width - p->padding_left, p->scratch);
        feed(p->scratch, s->words);
        (void)cfu_pixel_start((uint32_t)advance);
        if (advance) take(to, to + s->outputs, s->whole), to += p->output_channels;
        advance = s->span;
      }
    }
  }
  take(to, to + s->outputs, s->whole);
}

/* Each is a function of its own, so that the compiler has all registers for it. */
static __attribute__((noinline)) void aligned_taps(const struct pass *s) { pixels(s, TAPS, 1); }
static __attribute__((noinline)) void any_taps(const struct pass *s) { pixels(s, TAPS, 0); }
static __attribute__((noinline)) void filter_rows(const struct pass *s) { pixels(s, ROWS, 0); }

/* `count` rows of weights. Loads go together: a load's result is there two instructions later. */
static void load_weights(const struct pass *s, int32_t count) {
  const word *w = (const word *)(const void *)s->weights;
  if (!w) {
    for (; count > 0; count--) (void)cfu_pixel_feed_weights(0x40404040, 0);
  } else if (s->depthwise) {
    for (; count > 0; count--) (void)cfu_pixel_feed_weights(*w++, 0);
  } else {
    for (; count >= 4; count -= 4, w += 8) {
      const uint32_t a = w[0], b = w[1], c = w[2], d = w[3], e = w[4], f = w[5], g = w[6], h = w[7];
      (void)cfu_pixel_feed_weights(a, b);
      (void)cfu_pixel_feed_weights(c, d);
      (void)cfu_pixel_feed_weights(e, f);
      (void)cfu_pixel_feed_weights(g, h);
    }
    for (; count > 0; count--, w += 2) (void)cfu_pixel_feed_weights(w[0], w[1]);
  }
}

/* The channels. False if the CFU cannot rescale one of them. */
static int load_channels(const struct pass *s) {
  const struct cfukit_channel *c = s->channels;
  const int32_t step = s->alike ? 0 : 1;
  int32_t all = -1;
  for (int32_t n = s->outputs; n > 0; n--) {
    const int32_t bias = c->bias, shift = c->shift, multiplier = c->multiplier;
    (void)cfu_pixel_feed_channels((uint32_t)bias, (uint32_t)(-shift - 1));
    (void)cfu_pixel_feed_channels((uint32_t)multiplier, 0);
    all &= shift;
    c += step;
  }
  return all < 0;
}

void pass_run(struct pass *s) {
  const struct cfukit_conv *const p = s->op;
  if (s->loaded) {
    (void)cfu_pixel_feed_restart(1, 0);
  } else {
    (void)cfu_pixel_feed_restart(7, 0);
    if (!load_channels(s)) {
      plain(s);
      return;
    }
    load_weights(s, s->weight_rows);
  }
  s->whole = aligned(s->output) && s->outputs % 4 == 0 && p->output_channels % 4 == 0;
  (void)cfu_pixel_set_shape((uint32_t)(s->rows | s->span << 16),
                            (uint32_t)(s->outputs | s->depthwise << 15 | s->stride << 16));
  (void)cfu_pixel_set_range((uint32_t)(uint8_t)p->output_zero_point | (uint32_t)(uint8_t)p->activation_min << 8 |
                                (uint32_t)(uint8_t)p->activation_max << 16, 0);
  if (s->order == GATHERED) gathered(s);
  else if (s->order == ROWS) filter_rows(s);
  else if (aligned(s->input)) aligned_taps(s); /* TAPS has whole words of channels */
  else any_taps(s);
}

/* DEPTHWISE_CONV_2D of any legal shape: four channels at a time, all taps of one output position.
 *
 * A tap outside the image reads the zero point, which the bias has taken into account, so only the weights of such taps are summed.
 * Weights are as in the file: [tap][output channel]. See depthwise_3x3.c for the common case.
 */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_depthwise_conv_2d(const void *params);

/* The part of a window along one axis: taps begin .. end - 1 lie inside the image. */
struct inside {
  int32_t begin, end;
};

static struct inside inside_of(int32_t first, int32_t dilation, int32_t taps, int32_t size) {
  struct inside i = {0, taps};
  while (i.begin < taps && first + i.begin * dilation < 0) i.begin++;
  while (i.end > i.begin && first + (i.end - 1) * dilation >= size) i.end--;
  return i;
}

/* Where the inputs and weights of four outputs lie, relative to those of the first. Beyond the last channel they repeat it. */
struct lanes {
  int32_t x1, x2, x3, w1, w2, w3;
};

struct sums {
  int32_t s0, s1, s2, s3;
};

/* Four channels of one position. `pixel`: the window's first tap, which may lie outside. */
static inline __attribute__((always_inline)) void window(const struct cfukit_conv *p, const int8_t *pixel, const int8_t *w,
                                                         struct inside rows, struct inside columns, const struct lanes *at,
                                                         struct sums *sums) {
  const int32_t taps = p->filter_width, step = p->output_channels, in_step = p->dilation_width * p->input_channels;
  const int32_t row_step = p->dilation_height * p->input_width * p->input_channels;
  const int32_t x1 = at->x1, x2 = at->x2, x3 = at->x3, w1 = at->w1, w2 = at->w2, w3 = at->w3;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, o0 = 0, o1 = 0, o2 = 0, o3 = 0; /* o: the weights of taps outside */
#define OUTSIDE(count) \
  for (int32_t n = count; n > 0; n--, w += step) o0 += w[0], o1 += w[w1], o2 += w[w2], o3 += w[w3]
  OUTSIDE(rows.begin * taps);
  pixel += rows.begin * row_step + columns.begin * in_step;
  for (int32_t y = rows.end - rows.begin; y > 0; y--, pixel += row_step) {
    OUTSIDE(columns.begin);
    const int8_t *in = pixel;
    for (int32_t x = columns.end - columns.begin; x > 0; x--, in += in_step, w += step) {
      s0 += in[0] * w[0];
      s1 += in[x1] * w[w1];
      s2 += in[x2] * w[w2];
      s3 += in[x3] * w[w3];
    }
    OUTSIDE(taps - columns.end);
  }
  OUTSIDE((p->filter_height - rows.end) * taps);
#undef OUTSIDE
  const int32_t zero_point = p->input_zero_point;
  const struct sums made = {s0 + zero_point * o0, s1 + zero_point * o1, s2 + zero_point * o2, s3 + zero_point * o3};
  *sums = made;
}

static const struct lanes side_by_side = {1, 2, 3, 1, 2, 3};

__attribute__((noinline)) static void plain_window(const struct cfukit_conv *p, const int8_t *pixel, const int8_t *w,
                                                   struct inside rows, struct inside columns, struct sums *sums) {
  window(p, pixel, w, rows, columns, &side_by_side, sums);
}

__attribute__((noinline)) static void any_window(const struct cfukit_conv *p, const int8_t *pixel, const int8_t *w,
                                                 struct inside rows, struct inside columns, const struct lanes *at,
                                                 struct sums *sums) {
  window(p, pixel, w, rows, columns, at, sums);
}

static inline int8_t requantize(const struct cfukit_conv *p, const struct cfukit_channel *channel, int32_t sum) {
  const struct cfukit_rescale rescale =
      cfukit_rescale(channel->multiplier, -channel->shift, p->output_zero_point, p->activation_min);
  return cfukit_output(&rescale, sum + channel->bias, p->activation_min, p->activation_max);
}

/* One output position: `out` gets p->output_channels values. */
static void position(const struct cfukit_conv *p, const int8_t *pixel, struct inside rows, struct inside columns, int8_t *out) {
  const int32_t channels = p->output_channels, m = p->depth_multiplier;
  for (int32_t c = 0; c < channels; c += 4) {
    const int32_t n = channels - c < 4 ? channels - c : 4, i = m == 1 ? c : c / m;
    const int8_t *const w = (const int8_t *)p->weights + c;
    struct sums s;
    if (m == 1 && n == 4) {
      plain_window(p, pixel + i, w, rows, columns, &s);
    } else {
      const struct lanes at = {.x1 = n < 2 ? 0 : (c + 1) / m - i, .x2 = n < 3 ? 0 : (c + 2) / m - i, .x3 = n < 4 ? 0 : (c + 3) / m - i,
                               .w1 = n < 2 ? 0 : 1, .w2 = n < 3 ? 0 : 2, .w3 = n < 4 ? 0 : 3};
      any_window(p, pixel + i, w, rows, columns, &at, &s);
    }
    const struct cfukit_channel *channel = p->channels + c;
    out[c] = requantize(p, &channel[0], s.s0);
    if (n > 1) out[c + 1] = requantize(p, &channel[1], s.s1);
    if (n > 2) out[c + 2] = requantize(p, &channel[2], s.s2);
    if (n > 3) out[c + 3] = requantize(p, &channel[3], s.s3);
  }
}

void cfukit_portable_depthwise_conv_2d(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t row_bytes = p->input_width * p->input_channels;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * row_bytes;
    for (int32_t y = 0; y < p->output_height; y++) {
      const int32_t top = y * p->stride_height - p->padding_top;
      const struct inside rows = inside_of(top, p->dilation_height, p->filter_height, p->input_height);
      for (int32_t x = 0; x < p->output_width; x++, out += p->output_channels) {
        const int32_t left = x * p->stride_width - p->padding_left;
        const struct inside columns = inside_of(left, p->dilation_width, p->filter_width, p->input_width);
        position(p, image + top * row_bytes + left * p->input_channels, rows, columns, out);
      }
    }
  }
}

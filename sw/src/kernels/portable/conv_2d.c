/* CONV_2D of any legal shape, and DEPTHWISE_CONV_2D with one input channel, as rows of taps times packed weights.
 *
 * A tile of output positions is gathered into scratch (taps outside the image read the zero point, which the bias has taken
 * into account), then multiplied. A 1x1 convolution with stride 1 needs no gathering: the input is the rows.
 * Weights: [group][block][tap][4], see gemm.h. scratch_bytes: rows of a tile x taps, both as the host chose.
 */
#include <stddef.h>

#include "cfukit_kernels.h"
#include "gemm.h"

void cfukit_portable_conv_2d(const void *params);

/* 4-byte copies where both sides are aligned: `count` bytes, a multiple of 4. */
static inline int8_t *copy_words(int8_t *to, const int8_t *from, int32_t count) {
  typedef uint32_t __attribute__((may_alias)) word;
  word *t = (word *)(void *)to;
  const word *f = (const word *)(const void *)from;
  for (; count >= 16; count -= 16, t += 4, f += 4) {
    const word a = f[0], b = f[1], c = f[2], d = f[3];
    t[0] = a, t[1] = b, t[2] = c, t[3] = d;
  }
  for (; count; count -= 4) *t++ = *f++;
  return (int8_t *)t;
}

static inline int8_t *copy(int8_t *to, const int8_t *from, int32_t count) {
  if ((((uintptr_t)to | (uintptr_t)from | (uintptr_t)count) & 3) == 0) return copy_words(to, from, count);
  for (; count; count--) *to++ = *from++;
  return to;
}

static inline int8_t *fill(int8_t *to, int32_t value, int32_t count) {
  for (; count; count--) *to++ = (int8_t)value;
  return to;
}

/* The taps of the output position whose window begins at (top, left); `input` points at the group's first channel. */
static int8_t *gather(const struct cfukit_conv *p, const int8_t *input, int32_t top, int32_t left, int8_t *to) {
  const int32_t channels = p->filter_channels, pixel_bytes = p->input_channels;
  for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
    const int32_t y = top + filter_y * p->dilation_height;
    if (y < 0 || y >= p->input_height) {
      to = fill(to, p->input_zero_point, p->filter_width * channels);
      continue;
    }
    const int8_t *row = input + y * p->input_width * pixel_bytes;
    const int dense = p->dilation_width == 1 && channels == pixel_bytes;
    if (dense && left >= 0 && left + p->filter_width <= p->input_width) {
      to = copy(to, row + left * pixel_bytes, p->filter_width * channels);
      continue;
    }
    for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
      const int32_t x = left + filter_x * p->dilation_width;
      if (x < 0 || x >= p->input_width) to = fill(to, p->input_zero_point, channels);
      else to = copy(to, row + x * pixel_bytes, channels);
    }
  }
  return to;
}

void cfukit_portable_conv_2d(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t groups = p->input_channels / p->filter_channels;
  const int32_t group_outputs = p->output_channels / groups;
  const int32_t depth = p->filter_height * p->filter_width * p->filter_channels;
  const int32_t row_stride = p->scratch_bytes ? (depth + 3) & ~3 : p->input_channels;
  const int32_t positions = p->output_height * p->output_width;
  const int32_t tile = p->scratch_bytes ? p->scratch_bytes / row_stride : cfukit_portable_tile(depth);
  struct gemm g = {
      .row_stride = row_stride,
      .depth = depth,
      .n_channels = group_outputs,
      .output_stride = p->output_channels,
      .output_zero_point = p->output_zero_point,
      .activation_min = p->activation_min,
      .activation_max = p->activation_max,
  };
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *input = p->input + batch * p->input_height * p->input_width * p->input_channels;
    int8_t *output = p->output + batch * positions * p->output_channels;
    int32_t y = 0, x = 0;
    for (int32_t first = 0; first < positions; first += tile) {
      g.n_rows = positions - first < tile ? positions - first : tile;
      g.weights = p->weights;
      g.channels = p->channels;
      const int32_t tile_y = y, tile_x = x;
      for (int32_t group = 0; group < groups; group++) {
        const int8_t *group_input = input + group * p->filter_channels;
        if (p->scratch_bytes) {
          int8_t *to = p->scratch;
          y = tile_y, x = tile_x;
          for (int32_t r = 0; r < g.n_rows; r++) {
            gather(p, group_input, y * p->stride_height - p->padding_top, x * p->stride_width - p->padding_left, to);
            to += row_stride;
            if (++x == p->output_width) x = 0, y++;
          }
          g.rows = p->scratch;
        } else {
          g.rows = input + first * p->input_channels;
        }
        g.output = output + first * p->output_channels + group * group_outputs;
        cfukit_portable_gemm(&g);
        g.weights += ((group_outputs + 3) & ~3) * depth;
        g.channels += group_outputs;
      }
    }
  }
}

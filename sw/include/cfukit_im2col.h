/* Gathering the taps of an output position into a row, so that a convolution becomes a product of rows and weights. */
#ifndef CFUKIT_IM2COL_H
#define CFUKIT_IM2COL_H

#include <stdint.h>

#include "cfukit_kernels.h"

/* Copies `count` bytes, as words if both sides are aligned, and returns the end. Four loads precede four stores, because a load's result
 * is there two instructions later. */
static inline int8_t *cfukit_copy(int8_t *to, const int8_t *from, int32_t count) {
  typedef uint32_t __attribute__((may_alias)) word;
  if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
    for (; count >= 16; count -= 16, to += 16, from += 16) {
      word *const t = (word *)(void *)to;
      const word *const f = (const word *)(const void *)from;
      const uint32_t a = f[0], b = f[1], c = f[2], d = f[3];
      t[0] = a, t[1] = b, t[2] = c, t[3] = d;
    }
    for (; count >= 4; count -= 4, to += 4, from += 4) *(word *)(void *)to = *(const word *)(const void *)from;
  }
  for (; count >= 4; count -= 4, to += 4, from += 4) {
    const int8_t a = from[0], b = from[1], c = from[2], d = from[3];
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
  }
  for (; count > 0; count--) *to++ = *from++;
  return to;
}

static inline int8_t *cfukit_fill(int8_t *to, int32_t value, int32_t count) {
  for (; count > 0; count--) *to++ = (int8_t)value;
  return to;
}

/* The taps of the window whose first one is at (top, left), in the order [filter_y][filter_x][channel], to `to`; returns its end.
 * `input`: row 0, column 0 of the image, first channel of the group. Taps outside the image are input_zero_point. */
static inline int8_t *cfukit_im2col(const struct cfukit_conv *p, const int8_t *input, int32_t top, int32_t left, int8_t *to) {
  const int32_t channels = p->filter_channels, pixel = p->input_channels, row_bytes = p->filter_width * channels;
  /* Columns inside the image, where the filter's row is one run of bytes. */
  const int run = p->dilation_width == 1 && channels == pixel;
  const int32_t before = left < 0 ? (-left < p->filter_width ? -left : p->filter_width) * channels : 0;
  const int32_t over = left + p->filter_width - p->input_width;
  const int32_t after = over > 0 ? (over < p->filter_width ? over : p->filter_width) * channels : 0;
  for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++, top += p->dilation_height) {
    const int8_t *const row = input + top * p->input_width * pixel;
    if (top < 0 || top >= p->input_height) {
      to = cfukit_fill(to, p->input_zero_point, row_bytes);
    } else if (run && before + after < row_bytes) {
      if (before) to = cfukit_fill(to, p->input_zero_point, before);
      to = cfukit_copy(to, row + (left < 0 ? 0 : left * pixel), row_bytes - before - after);
      if (after) to = cfukit_fill(to, p->input_zero_point, after);
    } else {
      for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
        const int32_t x = left + filter_x * p->dilation_width;
        if (x < 0 || x >= p->input_width) to = cfukit_fill(to, p->input_zero_point, channels);
        else to = cfukit_copy(to, row + x * pixel, channels);
      }
    }
  }
  return to;
}

#endif

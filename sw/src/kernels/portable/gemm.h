/* The inner product at the heart of CONV_2D and FULLY_CONNECTED: rows of int8_t times packed weights, requantised.
 *
 * output[r][o] = clamp(requantise(channels[o].bias + sum over k of rows[r][k] * weight[o][k])), o < n_channels, r < n_rows.
 * Weights are packed in blocks of four output channels: [block][k][4], the last block filled up with zeros.
 * Two rows x four channels at a time: 6 loads, 8 multiplications and 8 additions for 8 multiply-accumulates.
 */
#ifndef CFUKIT_PORTABLE_GEMM_H
#define CFUKIT_PORTABLE_GEMM_H

#include <stdint.h>

#include "cfukit_kernels.h"

struct gemm {
  const int8_t *rows;
  const int8_t *weights;
  const struct cfukit_channel *channels;
  int8_t *output;
  int32_t n_rows, row_stride, depth, n_channels, output_stride;
  int32_t output_zero_point, activation_min, activation_max;
};

void cfukit_portable_gemm(const struct gemm *g);

/* How many rows to take at once if nothing else decides: about a third of a 4 KiB data cache, so that they stay there while the weights
 * pass by. */
static inline int32_t cfukit_portable_tile(int32_t depth) { return depth > 384 ? 4 : 1536 / depth & ~1; }

#endif

/* CONV_2D of any legal shape, and DEPTHWISE_CONV_2D with one input channel, as rows of taps times packed weights.
 *
 * A tile of output positions is gathered into scratch (taps outside the image read the zero point, which the bias has taken
 * into account), then multiplied. A 1x1 convolution with stride 1 needs no gathering: the input is the rows.
 * Weights: [group][block][tap][4], see gemm.h. scratch_bytes: rows of a tile x taps, both as the host chose.
 */
#include "cfukit_im2col.h"
#include "cfukit_kernels.h"
#include "gemm.h"

void cfukit_portable_conv_2d(const void *params);

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
            cfukit_im2col(p, group_input, y * p->stride_height - p->padding_top, x * p->stride_width - p->padding_left, to);
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

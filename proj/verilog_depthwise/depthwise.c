/* DEPTHWISE_CONV_2D, 3x3, on a CFU that multiplies and adds four channels at once.
 *
 * For each word of four channels the image is copied to scratch with a border, so that no tap needs a test. The border holds the
 * input's zero point, because channels[].bias has it folded in.
 */
#include "cfu_ops.h"
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void lanes_depthwise(const void *params);

typedef uint32_t __attribute__((may_alias)) word;

/* The input that the filter sees, as words of four channels. `from` points at the first; pixels are `words` apart. */
static void copy_with_border(const struct cfukit_conv *p, const word *from, int32_t words, word *to, int32_t height, int32_t width) {
  const word outside = (uint8_t)p->input_zero_point * 0x01010101u;
  for (int32_t y = -p->padding_top; y < height - p->padding_top; y++) {
    const int row_inside = y >= 0 && y < p->input_height;
    const word *pixel = from + y * p->input_width * words;
    for (int32_t x = -p->padding_left; x < width - p->padding_left; x++) {
      *to++ = row_inside && x >= 0 && x < p->input_width ? pixel[x * words] : outside;
    }
  }
}

/* All output positions of the four channels from `c` on; `plane` has `width` words per row, `words` of channels make a pixel. */
static void four_channels(const struct cfukit_conv *p, const word *plane, int32_t width, int32_t c, int32_t words, int8_t *out) {
  const word *const w = (const word *)p->weights + c;
  const word w0 = w[0], w1 = w[words], w2 = w[2 * words], w3 = w[3 * words], w4 = w[4 * words], w5 = w[5 * words];
  const word w6 = w[6 * words], w7 = w[7 * words], w8 = w[8 * words];
  const int32_t low = p->activation_min, high = p->activation_max;
  struct cfukit_rescale rescale[4];
  int32_t bias[4];
  for (int32_t i = 0; i < 4; i++) {
    const struct cfukit_channel *const channel = p->channels + 4 * c + i;
    rescale[i] = cfukit_rescale(channel->multiplier, -channel->shift, p->output_zero_point, low);
    bias[i] = channel->bias;
  }
  for (int32_t y = 0; y < p->output_height; y++) {
    const word *top = plane + y * p->stride_height * width;
    for (int32_t x = 0; x < p->output_width; x++, top += p->stride_width, out += 4 * words) {
      const word *const middle = top + width, *const bottom = middle + width;
      cfu_lanes_start(top[0], w0);
      cfu_lanes_add(top[1], w1);
      cfu_lanes_add(top[2], w2);
      cfu_lanes_add(middle[0], w3);
      cfu_lanes_add(middle[1], w4);
      cfu_lanes_add(middle[2], w5);
      cfu_lanes_add(bottom[0], w6);
      cfu_lanes_add(bottom[1], w7);
      cfu_lanes_add(bottom[2], w8);
      out[0] = cfukit_output(&rescale[0], (int32_t)cfu_sum_lane0() + bias[0], low, high);
      out[1] = cfukit_output(&rescale[1], (int32_t)cfu_sum_lane1() + bias[1], low, high);
      out[2] = cfukit_output(&rescale[2], (int32_t)cfu_sum_lane2() + bias[2], low, high);
      out[3] = cfukit_output(&rescale[3], (int32_t)cfu_sum_lane3() + bias[3], low, high);
    }
  }
}

void lanes_depthwise(const void *params) {
  const struct cfukit_conv *p = params;
  const int32_t words = p->output_channels / 4;
  const int32_t height = (p->output_height - 1) * p->stride_height + 3, width = (p->output_width - 1) * p->stride_width + 3;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const word *const image = (const word *)(const void *)p->input + batch * p->input_height * p->input_width * words;
    int8_t *const out = p->output + batch * p->output_height * p->output_width * p->output_channels;
    for (int32_t c = 0; c < words; c++) {
      copy_with_border(p, image + c, words, p->scratch, height, width);
      four_channels(p, p->scratch, width, c, words, out + 4 * c);
    }
  }
}

/* DEPTHWISE_CONV_2D of any legal shape: four channels at a time, all taps of one output position.
 *
 * A tap outside the image reads the zero point, which the bias has taken into account. Weights as in the file:
 * [tap][output channel]. See depthwise_3x3.c for the common case.
 */
#include "cfukit_fixed_point.h"
#include "cfukit_kernels.h"

void cfukit_portable_depthwise_conv_2d(const void *params);

static inline int8_t requantize(const struct cfukit_conv *p, const struct cfukit_channel *channel, int32_t sum) {
  const struct cfukit_rescale rescale =
      cfukit_rescale(channel->multiplier, -channel->shift, p->output_zero_point, p->activation_min);
  return cfukit_output(&rescale, sum, p->activation_min, p->activation_max);
}

/* One output position: `out` gets p->output_channels values. */
static void position(const struct cfukit_conv *p, const int8_t *image, int32_t top, int32_t left, int8_t *out) {
  const int32_t channels = p->output_channels, m = p->depth_multiplier;
  const int32_t width_bytes = p->input_width * p->input_channels;
  /* Rows and columns of the filter that lie inside the image: the others add zero_point * weight. */
  const int8_t outside[4] = {(int8_t)p->input_zero_point, (int8_t)p->input_zero_point, (int8_t)p->input_zero_point,
                             (int8_t)p->input_zero_point};
  for (int32_t c = 0; c < channels; c += 4) {
    const int32_t n = channels - c < 4 ? channels - c : 4;
    const struct cfukit_channel *channel = p->channels + c;
    /* Input channels of the four outputs; beyond the last one they repeat it. */
    const int32_t i0 = m == 1 ? c : c / m;
    const int32_t i1 = n < 2 ? i0 : m == 1 ? c + 1 : (c + 1) / m;
    const int32_t i2 = n < 3 ? i0 : m == 1 ? c + 2 : (c + 2) / m;
    const int32_t i3 = n < 4 ? i0 : m == 1 ? c + 3 : (c + 3) / m;
    const int32_t w1_at = n < 2 ? 0 : 1, w2_at = n < 3 ? 0 : 2, w3_at = n < 4 ? 0 : 3;
    const int8_t *w = (const int8_t *)p->weights + c;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t filter_y = 0; filter_y < p->filter_height; filter_y++) {
      const int32_t y = top + filter_y * p->dilation_height;
      const int row_inside = y >= 0 && y < p->input_height;
      const int8_t *row = image + y * width_bytes;
      for (int32_t filter_x = 0; filter_x < p->filter_width; filter_x++) {
        const int32_t x = left + filter_x * p->dilation_width;
        if (row_inside && x >= 0 && x < p->input_width) {
          const int8_t *pixel = row + x * p->input_channels;
          s0 += pixel[i0] * w[0];
          s1 += pixel[i1] * w[w1_at];
          s2 += pixel[i2] * w[w2_at];
          s3 += pixel[i3] * w[w3_at];
        } else {
          s0 += outside[0] * w[0];
          s1 += outside[1] * w[w1_at];
          s2 += outside[2] * w[w2_at];
          s3 += outside[3] * w[w3_at];
        }
        w += channels;
      }
    }
    out[c] = requantize(p, &channel[0], s0 + channel[0].bias);
    if (n > 1) out[c + 1] = requantize(p, &channel[1], s1 + channel[1].bias);
    if (n > 2) out[c + 2] = requantize(p, &channel[2], s2 + channel[2].bias);
    if (n > 3) out[c + 3] = requantize(p, &channel[3], s3 + channel[3].bias);
  }
}

void cfukit_portable_depthwise_conv_2d(const void *params) {
  const struct cfukit_conv *p = params;
  int8_t *out = p->output;
  for (int32_t batch = 0; batch < p->batches; batch++) {
    const int8_t *image = p->input + batch * p->input_height * p->input_width * p->input_channels;
    for (int32_t y = 0; y < p->output_height; y++) {
      for (int32_t x = 0; x < p->output_width; x++) {
        position(p, image, y * p->stride_height - p->padding_top, x * p->stride_width - p->padding_left, out);
        out += p->output_channels;
      }
    }
  }
}

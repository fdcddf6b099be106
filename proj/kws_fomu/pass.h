/* A pass computes all pixels of some output channels: at most as many as fit into the CFU's stores. pass.c runs it. */
#ifndef PASS_H
#define PASS_H

#include "cfukit_kernels.h"

/* An axis of input and output. dilation: inputs from one tap to the next. *_bytes: from one input or output to the next one.
 * extent: bytes of all inputs along it. */
struct axis {
  int32_t inputs, outputs, filter, stride, padding, dilation, input_bytes, output_bytes, extent;
};

/* How a window is fed; packing.py orders the weights in the same way. Its lines lie across the direction in which the pixels follow each
 * other, so the next pixel needs only lines that are new in its window.
 *
 * TAPS: a line is `across.filter` taps of `words` words each, which are channels.
 * ROWS: a line is a row of the filter, filled up to `words` words. Pixels follow each other along y.
 * GATHERED: the window comes from scratch, all bytes one behind the other, `words` words.
 */
enum order { TAPS, ROWS, GATHERED };

/* A pass of operator `op` begins at an output channel: input, output, weights and channels point to what belongs to this channel.
 *
 * down: `along` is y. image_bytes, output_bytes: of an image of the input and of the output. weights: 0 stands for weights of 64.
 * alike: all channels are like the first. stride, rows, span: rows of the window store from one row of a block to the next, in a
 * block, and in a window. weight_rows: of the weight store. loaded: the CFU has weights and channels already. whole: results go as whole
 * words, which pass_run finds out.
 */
struct pass {
  const struct cfukit_conv *op;
  const int8_t *input;
  int8_t *output;
  const int8_t *weights;
  const struct cfukit_channel *channels;
  struct axis along, across;
  enum order order;
  int32_t down, words, outputs, image_bytes, output_bytes, depthwise, alike, stride, rows, span, weight_rows, loaded, whole;
};

void pass_run(struct pass *s);

#endif

/* FULLY_CONNECTED: the batch items are the rows; weights [block][k][4], see gemm.h. */
#include "cfukit_kernels.h"
#include "gemm.h"

void cfukit_portable_fully_connected(const void *params);

void cfukit_portable_fully_connected(const void *params) {
  const struct cfukit_fully_connected *p = params;
  const struct gemm g = {
      .rows = p->input,
      .weights = p->weights,
      .channels = p->channels,
      .output = p->output,
      .n_rows = p->batches,
      .row_stride = p->input_channels,
      .depth = p->input_channels,
      .n_channels = p->output_channels,
      .output_stride = p->output_channels,
      .output_zero_point = p->output_zero_point,
      .activation_min = p->activation_min,
      .activation_max = p->activation_max,
  };
  cfukit_portable_gemm(&g);
}

/* CONV_2D on int16 with a 32-bit bias. */
#include "conv_2d_int16.h"

void cfukit_reference_conv_2d_int16_bias32(const void *params);

void cfukit_reference_conv_2d_int16_bias32(const void *params) { conv_2d_int16(params, 0); }

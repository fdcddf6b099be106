/* CONV_2D on int16 with a 64-bit bias or none. */
#include "conv_2d_int16.h"

void cfukit_reference_conv_2d_int16(const void *params);

void cfukit_reference_conv_2d_int16(const void *params) { conv_2d_int16(params, 1); }

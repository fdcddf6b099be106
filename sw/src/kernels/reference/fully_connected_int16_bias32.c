/* FULLY_CONNECTED on int16 with a 32-bit bias. */
#include "fully_connected_int16.h"

void cfukit_reference_fully_connected_int16_bias32(const void *params);

void cfukit_reference_fully_connected_int16_bias32(const void *params) { fully_connected_int16(params, 0); }

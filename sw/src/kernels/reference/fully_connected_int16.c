/* FULLY_CONNECTED on int16 with a 64-bit bias or none. */
#include "fully_connected_int16.h"

void cfukit_reference_fully_connected_int16(const void *params);

void cfukit_reference_fully_connected_int16(const void *params) { fully_connected_int16(params, 1); }

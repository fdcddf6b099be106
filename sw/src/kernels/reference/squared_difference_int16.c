/* SQUARED_DIFFERENCE int16. */
#define ELEMENT int16_t
#include "squared_difference.h"

void cfukit_reference_squared_difference_int16(const void *params);

void cfukit_reference_squared_difference_int16(const void *params) { squared_difference(params); }

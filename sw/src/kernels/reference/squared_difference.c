/* SQUARED_DIFFERENCE int8. */
#include "squared_difference.h"

void cfukit_reference_squared_difference(const void *params);

void cfukit_reference_squared_difference(const void *params) { squared_difference(params); }

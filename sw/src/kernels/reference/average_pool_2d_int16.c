/* AVERAGE_POOL_2D int16. */
#include <stdint.h>

typedef int16_t element;

#include "average_pool_2d.h"

void cfukit_reference_average_pool_2d_int16(const void *params);

void cfukit_reference_average_pool_2d_int16(const void *params) { average_pool_2d(params); }

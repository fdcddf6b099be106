/* AVERAGE_POOL_2D int8. */
#include <stdint.h>

typedef int8_t element;

#include "average_pool_2d.h"

void cfukit_reference_average_pool_2d(const void *params);

void cfukit_reference_average_pool_2d(const void *params) { average_pool_2d(params); }

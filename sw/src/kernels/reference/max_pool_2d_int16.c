/* MAX_POOL_2D int16. */
#include <stdint.h>

typedef int16_t element;

#include "max_pool_2d.h"

void cfukit_reference_max_pool_2d_int16(const void *params);

void cfukit_reference_max_pool_2d_int16(const void *params) { max_pool_2d(params, INT16_MIN); }

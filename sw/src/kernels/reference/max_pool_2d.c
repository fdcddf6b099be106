/* MAX_POOL_2D int8. */
#include <stdint.h>

typedef int8_t element;

#include "max_pool_2d.h"

void cfukit_reference_max_pool_2d(const void *params);

void cfukit_reference_max_pool_2d(const void *params) { max_pool_2d(params, INT8_MIN); }

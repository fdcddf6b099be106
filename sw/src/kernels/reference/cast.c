/* CAST among int8, int16, int32, uint32, bool and float32. */
#include "cfukit_kernels.h"

void cfukit_reference_cast(const void *params);

enum { INT8, INT16, INT32, UINT32, BOOL, FLOAT32 };

/* What is before the point; -2^31 for what an int32_t cannot hold. */
static int32_t whole(float x) { return x > -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN; }

void cfukit_reference_cast(const void *params) {
  const struct cfukit_cast *p = params;
  for (int32_t i = 0; i < p->count; i++) {
    const float real = p->input_kind == FLOAT32 ? ((const float *)p->input)[i] : 0;
    int64_t x = 0;
    switch (p->input_kind) {
    case INT8: x = ((const int8_t *)p->input)[i]; break;
    case INT16: x = ((const int16_t *)p->input)[i]; break;
    case INT32: x = ((const int32_t *)p->input)[i]; break;
    case UINT32: x = ((const uint32_t *)p->input)[i]; break;
    case BOOL: x = ((const uint8_t *)p->input)[i] != 0; break;
    default: x = p->output_kind == BOOL ? real != 0 : whole(real);
    }
    switch (p->output_kind) {
    case INT8: ((int8_t *)p->output)[i] = (int8_t)x; break;
    case INT16: ((int16_t *)p->output)[i] = (int16_t)x; break;
    case INT32:
    case UINT32: ((uint32_t *)p->output)[i] = (uint32_t)x; break;
    case BOOL: ((uint8_t *)p->output)[i] = x != 0; break;
    default: ((float *)p->output)[i] = p->input_kind == FLOAT32 ? real : (float)x;
    }
  }
}

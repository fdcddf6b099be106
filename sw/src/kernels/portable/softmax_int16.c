/* SOFTMAX int8 -> int16. */
#include "softmax.h"

void cfukit_portable_softmax_int16(const void *params);

void cfukit_portable_softmax_int16(const void *params) { softmax(params, 16); }

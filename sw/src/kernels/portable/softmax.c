/* SOFTMAX int8 -> int8: each exp is computed once and kept in scratch (softmax.h). */
#include "softmax.h"

void cfukit_portable_softmax(const void *params);

void cfukit_portable_softmax(const void *params) { softmax(params, 8); }

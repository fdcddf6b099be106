/* For programs that expect a C library: exit and abs, no heap. */
#include "../cfukit.h"

#ifndef CFUKIT_STDLIB_H
#define CFUKIT_STDLIB_H

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define exit(code) cfukit_exit(code)
#define abort() cfukit_exit(134)
#define abs(value) __builtin_abs(value)

#endif

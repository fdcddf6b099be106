/* For programs that expect a C library: the end of a program, numbers, sorting. There is no heap. */
#include "../cfukit.h"

#ifndef CFUKIT_STDLIB_H
#define CFUKIT_STDLIB_H

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define exit(code) cfukit_exit(code)
#define abort() cfukit_exit(134)
#define abs(value) __builtin_abs(value)
#define labs(value) __builtin_labs(value)

/* A number that is too large or too small for the type becomes its largest or smallest value; there is no errno. */
int atoi(const char *text);
long atol(const char *text);
long strtol(const char *restrict text, char **restrict end, int base);
unsigned long strtoul(const char *restrict text, char **restrict end, int base);

/* In place, without recursion. Elements that compare equal keep no order. */
void qsort(void *data, size_t count, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *data, size_t count, size_t size, int (*compare)(const void *, const void *));

/* The same sequence after every start and every srand(1). */
#define RAND_MAX 32767
int rand(void);
void srand(unsigned int seed);

#endif

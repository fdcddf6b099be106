/* What <stdlib.h> has: numbers, sorting, searching, pseudo-random numbers. */
#include <limits.h>

#include "libc/ctype.h"
#include "libc/stdlib.h"

static int digit_of(char character) {
  const int c = tolower((uint8_t)character);
  return isdigit(c) ? c - '0' : islower(c) ? c - 'a' + 10 : 99;
}

/* The magnitude at `text`, or `most` if it is larger (*over). *end is left alone if there is no digit. */
static unsigned long magnitude(const char *text, int base, unsigned long most, const char **end, int *over) {
  unsigned long value = 0;
  *over = 0;
  if ((base == 0 || base == 16) && text[0] == '0' && (text[1] | 32) == 'x' && digit_of(text[2]) < 16) {
    text += 2;
    base = 16;
  }
  if (base == 0)
    base = text[0] == '0' ? 8 : 10;
  for (int digit; (digit = digit_of(*text)) < base; *end = ++text) {
    *over |= value > (most - (unsigned long)digit) / (unsigned long)base;
    value = value * (unsigned long)base + (unsigned long)digit;
  }
  return *over ? most : value;
}

/* The sign of a number, and where its digits begin. */
static int sign_of(const char **text) {
  while (isspace((uint8_t)**text))
    ++*text;
  const int negative = **text == '-';
  if (negative || **text == '+')
    ++*text;
  return negative;
}

long strtol(const char *restrict text, char **restrict end, int base) {
  const char *digits = text, *after = text;
  const int negative = sign_of(&digits);
  const unsigned long most = (unsigned long)LONG_MAX + (negative ? 1 : 0);
  int over;
  const unsigned long value = magnitude(digits, base, most, &after, &over);
  if (end != 0)
    *end = (char *)(uintptr_t)after;
  return (long)(negative ? 0 - value : value);
}

unsigned long strtoul(const char *restrict text, char **restrict end, int base) {
  const char *digits = text, *after = text;
  const int negative = sign_of(&digits);
  int over;
  const unsigned long value = magnitude(digits, base, ULONG_MAX, &after, &over);
  if (end != 0)
    *end = (char *)(uintptr_t)after;
  return negative && !over ? 0 - value : value;
}

long atol(const char *text) {
  return strtol(text, 0, 10);
}

int atoi(const char *text) {
  return (int)strtol(text, 0, 10);
}

static void swap(uint8_t *a, uint8_t *b, size_t size) {
  for (; size != 0; size--, a++, b++) {
    const uint8_t kept = *a;
    *a = *b;
    *b = kept;
  }
}

/* Heap sort. The element at `root` sinks into the heap of `count`. */
static void sink(uint8_t *data, size_t root, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && compare(data + child * size, data + (child + 1) * size) < 0)
      child++;
    if (compare(data + root * size, data + child * size) >= 0)
      return;
    swap(data + root * size, data + child * size, size);
  }
}

void qsort(void *data, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  uint8_t *const d = data;
  for (size_t root = count / 2; root-- != 0;)
    sink(d, root, count, size, compare);
  for (size_t last = count; last-- > 1;) {
    swap(d, d + last * size, size);
    sink(d, 0, last, size, compare);
  }
}

void *bsearch(const void *key, const void *data, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  const uint8_t *low = data;
  while (count != 0) {
    const uint8_t *const middle = low + count / 2 * size;
    const int order = compare(key, middle);
    if (order == 0)
      return (void *)(uintptr_t)middle;
    if (order > 0) {
      low = middle + size;
      count -= count / 2 + 1;
    } else {
      count /= 2;
    }
  }
  return 0;
}

static uint32_t random_state = 1;

void srand(unsigned int seed) {
  random_state = seed;
}

int rand(void) {
  random_state = random_state * 1103515245u + 12345u;
  return (int)(random_state >> 16 & RAND_MAX);
}

/* Memory and string functions, by words if both sides are aligned. */
#define CFUKIT_NO_BUILTIN
#include "cfukit.h"

typedef uint32_t __attribute__((may_alias)) word;

static int unaligned(const void *a, const void *b) {
  return (((uintptr_t)a | (uintptr_t)b) & 3) != 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  uint8_t *d = to;
  const uint8_t *s = from;
  if (!unaligned(d, s)) {
    for (; bytes >= 16; bytes -= 16, d += 16, s += 16) {
      const word a = ((const word *)s)[0], b = ((const word *)s)[1];
      const word c = ((const word *)s)[2], e = ((const word *)s)[3];
      ((word *)d)[0] = a, ((word *)d)[1] = b, ((word *)d)[2] = c, ((word *)d)[3] = e;
    }
    for (; bytes >= 4; bytes -= 4, d += 4, s += 4)
      *(word *)d = *(const word *)s;
  }
  for (; bytes != 0; bytes--)
    *d++ = *s++;
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  uint8_t *d = to;
  const uint8_t *s = from;
  if (d <= s || d >= s + bytes) { /* going forwards, also by words, no byte is read after it was written */
    if (!unaligned(d, s))
      for (; bytes >= 4; bytes -= 4, d += 4, s += 4)
        *(word *)d = *(const word *)s;
    for (; bytes != 0; bytes--)
      *d++ = *s++;
  } else {
    while (bytes-- != 0)
      d[bytes] = s[bytes];
  }
  return to;
}

void *memset(void *to, int byte, size_t bytes) {
  uint8_t *d = to;
  const word pattern = (uint8_t)byte * 0x01010101u;
  for (; bytes != 0 && ((uintptr_t)d & 3) != 0; bytes--)
    *d++ = (uint8_t)byte;
  for (; bytes >= 16; bytes -= 16, d += 16)
    ((word *)d)[0] = ((word *)d)[1] = ((word *)d)[2] = ((word *)d)[3] = pattern;
  for (; bytes >= 4; bytes -= 4, d += 4)
    *(word *)d = pattern;
  for (; bytes != 0; bytes--)
    *d++ = (uint8_t)byte;
  return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
  const uint8_t *x = a, *y = b;
  for (; bytes != 0; bytes--, x++, y++)
    if (*x != *y)
      return *x - *y;
  return 0;
}

size_t strlen(const char *text) {
  const char *end = text;
  while (*end != 0)
    end++;
  return (size_t)(end - text);
}

int strcmp(const char *a, const char *b) {
  while (*a != 0 && *a == *b)
    a++, b++;
  return (uint8_t)*a - (uint8_t)*b;
}

/* What <string.h> has beside the functions of memory.c. Short rather than fast. */
#include "libc/string.h"

void *memchr(const void *data, int byte, size_t bytes) {
  for (const uint8_t *d = data; bytes != 0; bytes--, d++)
    if (*d == (uint8_t)byte)
      return (void *)(uintptr_t)d;
  return 0;
}

size_t strnlen(const char *text, size_t most) {
  size_t length = 0;
  while (length < most && text[length] != 0)
    length++;
  return length;
}

int strncmp(const char *a, const char *b, size_t most) {
  for (; most != 0; most--, a++, b++)
    if (*a != *b || *a == 0)
      return (uint8_t)*a - (uint8_t)*b;
  return 0;
}

char *strcpy(char *restrict to, const char *restrict from) {
  for (char *d = to; (*d = *from) != 0; d++)
    from++;
  return to;
}

char *strncpy(char *restrict to, const char *restrict from, size_t bytes) {
  const size_t length = strnlen(from, bytes);
  memcpy(to, from, length);
  memset(to + length, 0, bytes - length);
  return to;
}

char *strcat(char *restrict to, const char *restrict from) {
  strcpy(to + strlen(to), from);
  return to;
}

char *strncat(char *restrict to, const char *restrict from, size_t most) {
  const size_t length = strnlen(from, most);
  char *const end = to + strlen(to);
  memcpy(end, from, length);
  end[length] = 0;
  return to;
}

char *strchr(const char *text, int character) {
  for (; *text != (char)character; text++)
    if (*text == 0)
      return 0;
  return (char *)(uintptr_t)text;
}

char *strrchr(const char *text, int character) {
  const char *found = 0;
  do {
    if (*text == (char)character)
      found = text;
  } while (*text++ != 0);
  return (char *)(uintptr_t)found;
}

char *strstr(const char *text, const char *part) {
  const size_t length = strlen(part);
  for (; strncmp(text, part, length) != 0; text++)
    if (*text == 0)
      return 0;
  return (char *)(uintptr_t)text;
}

/* How many characters `text` begins with that are in `any` (inside 1), or are not (inside 0). */
static size_t span(const char *text, const char *any, int inside) {
  size_t length = 0;
  while (text[length] != 0 && (strchr(any, text[length]) != 0) == inside)
    length++;
  return length;
}

size_t strspn(const char *text, const char *any) {
  return span(text, any, 1);
}

size_t strcspn(const char *text, const char *any) {
  return span(text, any, 0);
}

char *strpbrk(const char *text, const char *any) {
  text += strcspn(text, any);
  return *text != 0 ? (char *)(uintptr_t)text : 0;
}

char *strtok(char *restrict text, const char *restrict separators) {
  static char *rest;
  char *begin = text != 0 ? text : rest;
  if (begin == 0)
    return 0;
  begin += strspn(begin, separators);
  char *const end = begin + strcspn(begin, separators);
  rest = 0;
  if (*end != 0) {
    *end = 0;
    rest = end + 1;
  }
  return *begin != 0 ? begin : 0;
}

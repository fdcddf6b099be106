/* For programs that expect a C library: memory and string functions. Those that the runtime needs itself stand in cfukit.h. */
#include "../cfukit.h"

#ifndef CFUKIT_STRING_H
#define CFUKIT_STRING_H

void *memchr(const void *data, int byte, size_t bytes);

size_t strnlen(const char *text, size_t most);
int strncmp(const char *a, const char *b, size_t most);

char *strcpy(char *restrict to, const char *restrict from);
char *strncpy(char *restrict to, const char *restrict from, size_t bytes);
char *strcat(char *restrict to, const char *restrict from);
char *strncat(char *restrict to, const char *restrict from, size_t most);

char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);
char *strstr(const char *text, const char *part);
char *strpbrk(const char *text, const char *any);
size_t strspn(const char *text, const char *any);
size_t strcspn(const char *text, const char *any);
char *strtok(char *restrict text, const char *restrict separators);

#endif

/* Standard output and input. */
#include "cfukit.h"
#include "runtime.h"

int putchar(int character) {
  cfukit_text_put((uint8_t)character);
  return (uint8_t)character;
}

int puts(const char *text) {
  for (; *text != 0; text++)
    putchar(*text);
  return putchar('\n');
}

int getchar(void) {
  return cfukit_text_get();
}

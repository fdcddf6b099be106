/* Measures how much stack was used, and checks the guard below it. */
#include "cfukit.h"
#include "runtime.h"

enum { PATTERN = 0x57AC57AC, GUARD = 0x5AFE57AC, GUARD_WORDS = 16 }; /* guard: crt0.S writes it */

extern uint32_t __cfukit_stack_guard[], __cfukit_stack_bottom[], __cfukit_stack_top[];

uint32_t cfukit_stack_bytes(void) {
  return (uint32_t)((uintptr_t)__cfukit_stack_top - (uintptr_t)__cfukit_stack_bottom);
}

void cfukit_stack_paint(void) {
  volatile uint32_t *const here = __builtin_frame_address(0); /* nothing is in use more than a few words below */
  for (volatile uint32_t *word = __cfukit_stack_bottom; word < here - 32; word++)
    *word = PATTERN;
}

uint32_t cfukit_stack_high_water(void) {
  const uint32_t *word = __cfukit_stack_bottom;
  while (word < __cfukit_stack_top && *word == PATTERN)
    word++;
  return (uint32_t)((uintptr_t)__cfukit_stack_top - (uintptr_t)word);
}

void cfukit_stack_check(void) {
  for (uint32_t i = 0; i < GUARD_WORDS; i++)
    if (__cfukit_stack_guard[i] != GUARD)
      cfukit_fault(CFUKIT_STACK_OVERFLOW, 0, cfukit_stack_bytes(), 0);
}

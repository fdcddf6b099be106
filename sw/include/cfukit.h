/* What a bare program has: standard output and input, the cycle counter, regions, memory functions.

   A program is `int main(void)`; the value that it returns is its exit code. C11, freestanding, no malloc, no float in
   printf. The same names work in a build for the host (CFUKIT_HOST), where cycles are 0. */
#ifndef CFUKIT_H
#define CFUKIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef CFUKIT_HOST
#define CFUKIT_SYMBOL_(name) __asm__("cfukit_" #name) /* beside the host's own */
#else
#define CFUKIT_SYMBOL_(name)
#endif

/* --- Time ------------------------------------------------------------------------------------------------------- */

/* Clock cycles since reset. */
uint64_t cfukit_cycles(void);

/* The low 32 bits of cfukit_cycles(): one bus access in place of three; for differences below 2^32. */
uint32_t cfukit_cycles_low(void);

/* Instructions retired since reset, modulo 2^32; 0 on hardware. */
uint32_t cfukit_instret(void);

/* CFUKIT_REGION("name") { ... }: count and cycles of the block, under its name, in the result of the run.
   Regions nest (the outer one includes the inner one); entered again before it ends (recursion), a region counts once.
   return, goto and break leave it properly; break and continue act on the region, not on a loop around it.
   An empty region counts some 50 to 70 cycles (three reads of the counter over the bus), and costs about twice that. */
#define CFUKIT_REGION(name)                                                                                     \
  for (struct cfukit_region_scope_ cfukit_scope_ __attribute__((cleanup(cfukit_region_end_))) =                 \
           cfukit_region_begin_(__extension__({                                                                 \
             static struct cfukit_region cfukit_site_ = {(name), 0, 0, 0, 0, 0};                                \
             &cfukit_site_;                                                                                     \
           }));                                                                                                 \
       cfukit_scope_.once != 0; cfukit_scope_.once = 0)

struct cfukit_region {
  const char *name;
  uint64_t cycles, begin;
  uint32_t count, depth;
  struct cfukit_region *next;
};
struct cfukit_region_scope_ {
  struct cfukit_region *region;
  int once;
};
struct cfukit_region_scope_ cfukit_region_begin_(struct cfukit_region *region);
void cfukit_region_end_(struct cfukit_region_scope_ *scope);

/* --- Input, output, end ----------------------------------------------------------------------------------------- */

#ifndef EOF
#define EOF (-1)
#endif

/* printf: conversions d i u x X o c s p %, lengths hh h l ll z t j, flags '-' and '0', a width and a precision
   (number or *; precision for integers is the least number of digits, for strings the greatest). There is no floating
   point: %f is printed as it is, and compiling warns of it. */
int printf(const char *format, ...) CFUKIT_SYMBOL_(printf) __attribute__((format(printf, 1, 2)));
int putchar(int character) CFUKIT_SYMBOL_(putchar);
int puts(const char *text) CFUKIT_SYMBOL_(puts); /* and a new line */
int getchar(void) CFUKIT_SYMBOL_(getchar);       /* EOF at the end of the input */

/* Ends the program: regions, exit code, in a simulation the simulation. */
_Noreturn void cfukit_exit(int code);

/* --- Stack ------------------------------------------------------------------------------------------------------ */

/* The stack's size; fills the unused part with a pattern; the most bytes used since. */
uint32_t cfukit_stack_bytes(void);
void cfukit_stack_paint(void);
uint32_t cfukit_stack_high_water(void);

/* Ends the program with the fault stack_overflow if the words below the stack were overwritten; cfukit_exit calls it. */
void cfukit_stack_check(void);

/* --- Memory ----------------------------------------------------------------------------------------------------- */

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

#ifndef CFUKIT_NO_BUILTIN /* so that small constant sizes become plain loads and stores in freestanding code too */
#define memcpy(to, from, bytes) __builtin_memcpy((to), (from), (bytes))
#define memmove(to, from, bytes) __builtin_memmove((to), (from), (bytes))
#define memset(to, byte, bytes) __builtin_memset((to), (byte), (bytes))
#define memcmp(a, b, bytes) __builtin_memcmp((a), (b), (bytes))
#endif

#endif

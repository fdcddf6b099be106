/* Cycles per word of each memory: loads, stores and instruction fetch, in sequence and 32 bytes apart (one word per cache line).
     cfukit exec membench --board BOARD
   Every block is larger than the caches if the memory has the room, and is accessed for the first time or after the caches were filled
   with something else. The figures include the cost of the loops, about one cycle per access with full unrolling. */
#include "cfukit.h"
#include "soc.h"

enum { STRIDE = 8, NOP = 0x00000013, RET = 0x00008067 };

typedef volatile uint32_t word;

static uint32_t sink;

#define EIGHT(step, action) \
  action(0 * (step)) action(1 * (step)) action(2 * (step)) action(3 * (step)) action(4 * (step)) action(5 * (step)) \
      action(6 * (step)) action(7 * (step))
#define LOAD(n) sum += p[n];
#define STORE(n) p[n] = sum;

static __attribute__((noinline)) uint32_t loads(word *p, const word *end) {
  const uint32_t begin = cfukit_cycles_low();
  uint32_t sum = 0;
  for (; p != end; p += 8) {
    EIGHT(1, LOAD)
  }
  sink = sum;
  return cfukit_cycles_low() - begin;
}

static __attribute__((noinline)) uint32_t strided_loads(word *p, const word *end) {
  const uint32_t begin = cfukit_cycles_low();
  uint32_t sum = 0;
  for (; p != end; p += 8 * STRIDE) {
    EIGHT(STRIDE, LOAD)
  }
  sink = sum;
  return cfukit_cycles_low() - begin;
}

static __attribute__((noinline)) uint32_t stores(word *p, const word *end) {
  const uint32_t begin = cfukit_cycles_low(), sum = sink;
  for (; p != end; p += 8) {
    EIGHT(1, STORE)
  }
  sink = p[-1]; /* wait until what was stored has arrived */
  return cfukit_cycles_low() - begin;
}

static __attribute__((noinline)) uint32_t strided_stores(word *p, const word *end) {
  const uint32_t begin = cfukit_cycles_low(), sum = sink;
  for (; p != end; p += 8 * STRIDE) {
    EIGHT(STRIDE, STORE)
  }
  sink = p[-STRIDE];
  return cfukit_cycles_low() - begin;
}

/* A straight line of nops. */
static __attribute__((noinline)) uint32_t fetches(word *p, const word *end) {
  for (word *at = p; at != end; at++)
    *at = NOP;
  p[end - p - 1] = RET;
  sink = cfukit_cycles_low(); /* an uncached load: the stores have arrived */
  __asm__ volatile(".word 0x0000100f" ::: "memory"); /* fence.i */
  void (*const code)(void) = (void (*)(void))(uintptr_t)p;
  const uint32_t begin = cfukit_cycles_low();
  code();
  return cfukit_cycles_low() - begin;
}

static void show(uint32_t cycles, uint32_t count) {
  const uint32_t tenths = (cycles * 10 + count / 2) / count;
  printf(" %6u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static void measure(const char *name, uint32_t address, uint32_t bytes, int writable, int executable) {
  word *const p = (word *)(uintptr_t)address;
  const uint32_t count = bytes / 4;
  printf("%-10s", name);
  show(loads(p, p + count), count);
  show(strided_loads(p, p + count), count / STRIDE);
  if (writable) {
    show(stores(p, p + count), count);
    show(strided_stores(p, p + count), count / STRIDE);
  }
  if (executable)
    show(fetches(p, p + count), count);
  printf("\n");
}

#define KIB 1024u

int main(void) {
  printf("memory      load   strided   store  strided   fetch\n");
#ifdef CFUKIT_MAIN_RAM_BASE
  measure("main_ram", CFUKIT_MAIN_RAM_BASE + CFUKIT_MAIN_RAM_BYTES / 2, 32 * KIB, 1, 1);
#endif
#ifdef CFUKIT_SRAM_BASE
  measure("sram", CFUKIT_SRAM_BASE, CFUKIT_SRAM_BYTES < 32 * KIB ? CFUKIT_SRAM_BYTES : 32 * KIB, 1, 1);
#endif
#ifdef CFUKIT_ITCM_BASE
  measure("itcm", CFUKIT_ITCM_BASE + CFUKIT_ITCM_BYTES - 8 * KIB, 8 * KIB, 1, 1);
#endif
#ifdef CFUKIT_DTCM_BASE
  measure("dtcm", CFUKIT_DTCM_BASE + CFUKIT_DTCM_BYTES - 8 * KIB, 8 * KIB, 1, 0);
#endif
#ifdef CFUKIT_FLASH_BASE
  measure("flash", CFUKIT_FLASH_BASE + 64 * KIB - (CFUKIT_FLASH_BASE & 31), 8 * KIB, 0, 0);
#endif
  return 0;
}

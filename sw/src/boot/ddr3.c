/* Before anything uses DDR3, LiteX's liblitedram initialises and levels it, and its lines are tested. All of this runs in place,
   in the boot ROM, with data and stack in on-chip RAM. A failure is reported, and the loader goes on: the host notices by checksums. */
#include "cfukit.h"
#include "soc.h"

enum { SEQUENCE_WORDS = 16384, LCG_FACTOR = 1664525, LCG_TERM = 1013904223 }; /* 64 KiB: eight times the L2 */

typedef volatile uint32_t word;

int sdram_init(void); /* liblitedram/sdram.h, which wants all of LiteX's headers */
void cfukit_boot_prepare(void);
uint32_t cfukit_memory_errors(word *memory, uint32_t words);

/* Reads other addresses for all lines of the L2, so that it writes back what it holds. */
static uint32_t push_out(word *memory) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < SEQUENCE_WORDS; i += 4)
    sum += memory[i];
  return sum;
}

static uint32_t sequence(word *memory) {
  uint32_t value = 1, errors = 0;
  for (uint32_t i = 0; i < SEQUENCE_WORDS; i++)
    memory[i] = value = value * LCG_FACTOR + LCG_TERM;
  value = 1;
  for (uint32_t i = 0; i < SEQUENCE_WORDS; i++)
    errors += memory[i] != (value = value * LCG_FACTOR + LCG_TERM);
  return errors;
}

/* Tests data lines, address lines and a long sequence, and returns how many words were read back wrong. words: a power of two. */
uint32_t cfukit_memory_errors(word *memory, uint32_t words) {
  uint32_t errors = 0;
  for (uint32_t bit = 0; bit < 32; bit++)
    memory[bit] = UINT32_C(1) << bit;
  (void)push_out(memory + SEQUENCE_WORDS);
  for (uint32_t bit = 0; bit < 32; bit++)
    errors += memory[bit] != UINT32_C(1) << bit;
  for (uint32_t place = words / 2; place != 0; place /= 2)
    memory[place] = ~place;
  memory[0] = 0;
  (void)push_out(memory + SEQUENCE_WORDS / 2 + 1);
  for (uint32_t place = words / 2; place != 0; place /= 2)
    errors += memory[place] != ~place;
  return errors + (memory[0] != 0) + sequence(memory);
}

void cfukit_boot_prepare(void) {
  const int levelled = sdram_init();
  const uint32_t errors = cfukit_memory_errors((word *)CFUKIT_MAIN_RAM_BASE, CFUKIT_MAIN_RAM_BYTES / 4);
  printf("DDR3: %s, %u errors\n", levelled ? "levelled" : "not levelled", (unsigned)errors);
}

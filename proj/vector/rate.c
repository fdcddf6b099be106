/* The rate of the CFU's own work, in cycles per access, while the CPU counts (`cfukit exec rate.c --project .`).
 *
 * A sum takes one access per element, a copy two. The CPU either waits for the CFU at once, or first loads and stores words of its
 * own, in the rows that the CFU works on or between them. The cycles of a job without elements are subtracted. Results are checked.
 */
#include "cfu_ops.h"
#include "cfukit.h"

#define WORDS (CFU_PARAM_WIDTH / 32)
#define COUNT 1024
#define BYTES (CFU_PARAM_WIDTH / 8)
#define SUM_ROUNDS 100u /* of the CPU's work beside a sum */
#define COPY_ROUNDS 200u

CFU_MEMORY static volatile uint32_t source[COUNT * WORDS];
CFU_MEMORY static volatile uint32_t target[2 * COUNT * WORDS]; /* every second element is the CPU's */

static uint32_t expected_sum(void) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < COUNT * WORDS; i++) sum += source[i];
  return sum;
}

/* Counts in the elements between those that the CFU writes. */
static void work(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) target[(2 * i + 1) * WORDS]++;
}

static int check(void) {
  for (uint32_t i = 0; i < COUNT; i++) {
    for (uint32_t k = 0; k < WORDS; k++) {
      if (target[2 * i * WORDS + k] != source[i * WORDS + k]) return 0;
    }
    if (target[(2 * i + 1) * WORDS] != (uint32_t)(i < SUM_ROUNDS) + (uint32_t)(i < COPY_ROUNDS)) return 0;
  }
  return 1;
}

static uint32_t job(int copies, uint32_t count, uint32_t rounds, uint32_t *sum) {
  const uint32_t begin = cfukit_cycles_low();
  cfu_barrier();
  if (copies) {
    (void)cfu_vector_start_copy(count);
  } else {
    (void)cfu_vector_start_sum(count);
  }
  work(rounds);
  *sum = cfu_vector_wait();
  cfu_barrier();
  return cfukit_cycles_low() - begin;
}

static void print(const char *what, uint32_t cycles, uint32_t accesses) {
  const uint32_t hundredths = (100 * cycles + accesses / 2) / accesses;
  printf("%-28s %6u cycles, %u.%02u per access of %u bits\n", what, (unsigned)cycles, (unsigned)(hundredths / 100),
         (unsigned)(hundredths % 100), (unsigned)CFU_PARAM_WIDTH);
}

int main(void) {
  for (uint32_t i = 0; i < COUNT * WORDS; i++) source[i] = i * 2654435761u + 12345u;
  for (uint32_t i = 0; i < 2 * COUNT * WORDS; i++) target[i] = 0;
  (void)cfu_vector_source(CFU_ADDR(source), BYTES);
  (void)cfu_vector_destination(CFU_ADDR(target), 2 * BYTES);
  const uint32_t expected = expected_sum();
  uint32_t sums[2], unused, cycles[4];
  for (uint32_t round = 0; round < 2; round++) { /* in the second round the code is in the cache */
    const uint32_t none = job(0, 0, 0, &unused);
    cycles[0] = job(0, COUNT, 0, &sums[0]) - none;
    cycles[1] = job(0, COUNT, round * SUM_ROUNDS, &sums[1]) - none;
    cycles[2] = job(1, COUNT, 0, &unused) - none;
    cycles[3] = job(1, COUNT, round * COPY_ROUNDS, &unused) - none;
  }
  print("sum, CPU waits", cycles[0], COUNT);
  print("sum, CPU loads and stores", cycles[1], COUNT);
  print("copy, CPU waits", cycles[2], 2 * COUNT);
  print("copy, CPU loads and stores", cycles[3], 2 * COUNT);
  return sums[0] == expected && sums[1] == expected && check() ? 0 : 1;
}

/* The loaded packaging: a firmware with all kernels and room for a model that the host sends (sw/cfukit_sw/loaded.py makes both).
 *
 * A model arrives as a blob and a header. The blob holds the constants, then the operators, the parameter structs of cfukit_kernels.h,
 * variables, counters and relocations. A relocation is a word. It holds the offset of a pointer in the blob, which is a multiple of 4.
 * Its two lowest bits say what the pointer holds before it is relocated:
 *   CFUKIT_TO_BLOB    an offset in the blob
 *   CFUKIT_TO_ARENA   an offset in the arena
 *   CFUKIT_TO_KERNEL  a kernel's number */
#ifndef CFUKIT_LOADER_H
#define CFUKIT_LOADER_H

#include <stdint.h>

#include "cfukit_model.h"

enum { CFUKIT_TO_BLOB, CFUKIT_TO_ARENA, CFUKIT_TO_KERNEL };

/* Numbers and offsets in the blob; little endian, as sent. */
struct cfukit_blob_header {
  uint32_t kernels; /* cfukit_kernels_id of the firmware that it is made for */
  uint32_t blob_bytes, arena_bytes;
  uint32_t ops, variables, op_cycles, relocations, n_relocations;
  uint16_t n_ops, n_variables;
  uint8_t digest[16];
};

/* Generated for each firmware: its kernels by number, a digest of their names, and the room that it has. */
extern cfukit_kernel *const cfukit_kernels[];
extern const uint32_t cfukit_kernels_id, cfukit_n_kernels, cfukit_blob_room, cfukit_arena_room;
extern uint8_t cfukit_blob[], cfukit_loaded_arena[];

#endif

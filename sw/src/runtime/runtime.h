/* What the parts of the runtime know of each other. */
#ifndef CFUKIT_RUNTIME_H
#define CFUKIT_RUNTIME_H

#include <stdint.h>

/* --- The serial line: uart.c on the system, host.c on the host ---------------------------------------------------- */

void cfukit_line_put(uint8_t byte);
int cfukit_line_get(void);   /* waits; -1 at the end of input, which only the host can tell */
void cfukit_line_flush(void); /* until everything has left */

/* Ends simulation or process with `code`; on a board goes back to its boot loader, else stops. */
_Noreturn void cfukit_halt(int code);

/* What the host of a board writes into a program before it starts it; all 0 in a simulation. */
struct cfukit_host {
  const uint8_t *input, *input_end; /* what getchar reads in place of the line: nothing can get lost on the way */
  uint8_t *log, *log_end;           /* a copy of what the program says by itself, to be fetched at its end */
  void (*back)(int code);           /* the boot loader, which takes over at the program's end */
};
int cfukit_line_given(void);         /* the next byte of `input`; -1 at its end; CFUKIT_LINE_ITSELF without one */
enum { CFUKIT_LINE_ITSELF = -2 };
extern uint8_t cfukit_line_unlogged; /* set while something is sent that the host can ask for again */

/* --- Records: wire.c; the protocol is described in scripts/cfukit_base/protocol/wire.py ------------------------------------- */

enum {
  CFUKIT_PROTOCOL = 1,

  CFUKIT_HELLO = 0x80,
  CFUKIT_WRITE = 0x81,
  CFUKIT_RUN = 0x82,
  CFUKIT_READ = 0x83,
  CFUKIT_EXIT = 0x84,
  CFUKIT_STEP = 0x85,
  CFUKIT_LOAD = 0x86,
  CFUKIT_POKE = 0x88,
  CFUKIT_SUM = 0x89,
  CFUKIT_START = 0x8A,
  CFUKIT_PEEK = 0x8B,
  CFUKIT_HELLO_IS = 0x90,
  CFUKIT_OK = 0x91,
  CFUKIT_DONE = 0x92,
  CFUKIT_DATA = 0x93,
  CFUKIT_PAUSED = 0x94,
  CFUKIT_BOOT_IS = 0x95,
  CFUKIT_SUM_IS = 0x96,
  CFUKIT_ERROR = 0x9F,
  CFUKIT_REGION_IS = 0xA0,
  CFUKIT_EXITED = 0xA1,
  CFUKIT_FAULT = 0xA2,

  CFUKIT_RUN_RESET = 1,
  CFUKIT_RUN_PAUSE = 2,

  CFUKIT_ERROR_DAMAGED = 1,
  CFUKIT_ERROR_UNKNOWN_TYPE = 2,
  CFUKIT_ERROR_BAD_LENGTH = 3,
  CFUKIT_ERROR_OUT_OF_ARENA = 4,
  CFUKIT_ERROR_NOT_PAUSED = 5,
  CFUKIT_ERROR_NO_ROOM = 6,
  CFUKIT_ERROR_OTHER_KERNELS = 7,
  CFUKIT_ERROR_BAD_MODEL = 8,

  CFUKIT_STACK_OVERFLOW = 0x40000001, /* mcause of faults that are no traps */
  CFUKIT_VALUE_REFUSED = 0x40000002,
};

void cfukit_text_put(uint8_t byte);
int cfukit_text_get(void); /* -1 at the end of the input */

uint32_t cfukit_crc(uint32_t crc, uint32_t byte); /* begins and ends with all bits inverted */

void cfukit_frame_begin(uint32_t type, uint32_t seq);
void cfukit_frame_put(uint32_t value, uint32_t bytes); /* little endian, 1 to 4 bytes */
void cfukit_frame_put64(uint64_t value);
void cfukit_frame_put_bytes(const uint8_t *data, uint32_t bytes);
void cfukit_frame_end(void);

enum { CFUKIT_DAMAGED = -1, CFUKIT_END_OF_INPUT = -2 };

/* Waits for a frame: its length (type, seq, payload) in `buffer`, of `size` bytes with room for the CRC; or one of the
   above. */
int32_t cfukit_frame_get(uint8_t *buffer, uint32_t size);

/* --- The server's model: linked.c or loader.c ---------------------------------------------------------------------- */

struct cfukit_model;
const struct cfukit_model *cfukit_served(void);

/* Bytes of the arena, to it and to the host. */
void cfukit_arena_write(const struct cfukit_model *model, uint32_t offset, const uint8_t *bytes, uint32_t count);
void cfukit_arena_send(const struct cfukit_model *model, uint32_t offset, uint32_t count);
uint8_t *cfukit_room(uint32_t *bytes); /* for a model from the host; what was loaded is gone. 0 bytes where there is no room */
uint32_t cfukit_load(const uint8_t *header, uint32_t bytes); /* what was written to the room runs from now on; 0 or an error */
#define CFUKIT_IN_ROOM UINT32_C(0x80000000) /* in the offset of a WRITE: into the room */

/* --- The end ------------------------------------------------------------------------------------------------------ */

_Noreturn void cfukit_exit_answering(uint32_t seq, int code);
/* registers: x1..x31, or 0 where they tell nothing. */
_Noreturn void cfukit_fault(uint32_t mcause, uint32_t mepc, uint32_t mtval, const uint32_t *registers);
void cfukit_regions_send(void);
/* cfukit_cycles() for the begin of a region, at this address, or its end, at this address + 1. */
uint64_t cfukit_region_cycles(uintptr_t region);

#endif

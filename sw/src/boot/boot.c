/* The boot loader: fills memories over the serial line, checks them, starts a program, and takes over again when it ends.
   scripts/cfukit_base/protocol/wire.py describes its requests. Each may be repeated, so noise on the line costs only time. */
#include "boot_config.h"
#include "cfukit.h"
#include "runtime.h"

enum { MAX_PAYLOAD = 256 };

extern uint8_t __boot_reserved_begin[], __boot_reserved_end[];
extern void __boot_back(int code);
_Noreturn void cfukit_boot_jump(uint32_t address);
_Noreturn void cfukit_boot(void);
_Noreturn void cfukit_boot_back(int code);

static const struct { uint32_t base, bytes; } writable[] = {BOOT_WRITABLE};
static const uint8_t digest[16] = {BOOT_DIGEST};

static uint8_t request[2 + 4 + MAX_PAYLOAD + 4]; /* type and seq, address, bytes, CRC */

/* The program that was started last: the number that the host gave, and how it ended. */
static struct {
  uint32_t number, ended;
  int32_t code;
  uint64_t begin, cycles;
} program;

static uint32_t word(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void refuse(uint32_t code) {
  cfukit_frame_begin(CFUKIT_ERROR, request[1]);
  cfukit_frame_put(code, 1);
  cfukit_frame_end();
}

static void ok(void) {
  cfukit_frame_begin(CFUKIT_OK, request[1]);
  cfukit_frame_end();
}

static void say(const char *text) {
  for (; *text != 0; text++)
    cfukit_text_put((uint8_t)*text);
}

static void hello(void) {
  const char *board = BOOT_BOARD;
  cfukit_frame_begin(CFUKIT_BOOT_IS, request[1]);
  cfukit_frame_put(CFUKIT_PROTOCOL | MAX_PAYLOAD << 16, 4);
  cfukit_frame_put((uint32_t)(uintptr_t)__boot_back, 4);
  cfukit_frame_put((uint32_t)(uintptr_t)__boot_reserved_begin, 4);
  cfukit_frame_put((uint32_t)(__boot_reserved_end - __boot_reserved_begin), 4);
  cfukit_frame_put(program.number, 4);
  cfukit_frame_put(program.ended, 4);
  cfukit_frame_put((uint32_t)program.code, 4);
  cfukit_frame_put64(program.cycles);
  cfukit_frame_put_bytes(digest, sizeof digest);
  for (; *board != 0; board++)
    cfukit_frame_put((uint8_t)*board, 1);
  cfukit_frame_end();
}

/* Whether [address, address + count) lies in memory that may be written and is not the loader's own. */
static int allowed(uint32_t address, uint32_t count) {
  const uint32_t begin = (uint32_t)(uintptr_t)__boot_reserved_begin, end = (uint32_t)(uintptr_t)__boot_reserved_end;
  if (count != 0 && address < end && address + count > begin)
    return 0;
  for (uint32_t i = 0; i < sizeof writable / sizeof writable[0]; i++)
    if (address - writable[i].base <= writable[i].bytes && count <= writable[i].bytes - (address - writable[i].base))
      return 1;
  return 0;
}

static uint32_t crc_of(const uint8_t *data, uint32_t count) {
  uint32_t crc = ~UINT32_C(0);
  for (; count != 0; count--)
    crc = cfukit_crc(crc, *data++);
  return ~crc;
}

static void start(uint32_t address, uint32_t number) {
  ok();
  if (number == program.number)
    return; /* a repeated request: the program has run */
  cfukit_line_flush();
  program.number = number;
  program.ended = 0;
  program.begin = cfukit_cycles();
  cfukit_boot_jump(address);
}

static void serve(uint32_t payload_bytes) {
  const uint8_t *const payload = request + 2;
  const uint32_t type = request[0];
  if (type == CFUKIT_HELLO) {
    hello();
    return;
  }
  if (type != CFUKIT_POKE && type != CFUKIT_PEEK && type != CFUKIT_SUM && type != CFUKIT_START) {
    refuse(CFUKIT_ERROR_UNKNOWN_TYPE);
    return;
  }
  if (type == CFUKIT_POKE ? payload_bytes < 4 : payload_bytes != 8) {
    refuse(CFUKIT_ERROR_BAD_LENGTH);
    return;
  }
  const uint32_t address = word(payload), count = type == CFUKIT_POKE ? payload_bytes - 4 : word(payload + 4);
  uint8_t *const memory = (uint8_t *)(uintptr_t)address;
  if (type == CFUKIT_START && (address & 3) == 0 && allowed(address, 4)) {
    start(address, count);
  } else if (type == CFUKIT_START || !allowed(address, count)) {
    refuse(CFUKIT_ERROR_OUT_OF_ARENA);
  } else if (type != CFUKIT_SUM && count > MAX_PAYLOAD) {
    refuse(CFUKIT_ERROR_BAD_LENGTH);
  } else if (type == CFUKIT_POKE) {
    memcpy(memory, payload + 4, count);
    ok();
  } else if (type == CFUKIT_PEEK) {
    cfukit_frame_begin(CFUKIT_DATA, request[1]);
    cfukit_frame_put(address, 4);
    cfukit_frame_put_bytes(memory, count);
    cfukit_frame_end();
  } else {
    const uint32_t sum = crc_of(memory, count);
    cfukit_frame_begin(CFUKIT_SUM_IS, request[1]);
    cfukit_frame_put(address, 4);
    cfukit_frame_put(count, 4);
    cfukit_frame_put(sum, 4);
    cfukit_frame_end();
  }
}

static _Noreturn void loop(void) {
  for (;;) {
    const int32_t length = cfukit_frame_get(request, sizeof request);
    if (length == CFUKIT_DAMAGED) {
      request[1] = 0;
      refuse(CFUKIT_ERROR_DAMAGED);
    } else {
      serve((uint32_t)length - 2);
    }
  }
}

/* What must be done before the memory can be used. A board whose memory needs something replaces this. */
__attribute__((weak)) void cfukit_boot_prepare(void);
void cfukit_boot_prepare(void) {
}

void cfukit_boot(void) {
  cfukit_boot_prepare();
  say("\ncfukit boot: board " BOOT_BOARD ", system " BOOT_DIGEST_TEXT "\n");
  loop();
}

void cfukit_boot_back(int code) {
  program.cycles = cfukit_cycles() - program.begin;
  program.ended = 1;
  program.code = code;
  loop();
}

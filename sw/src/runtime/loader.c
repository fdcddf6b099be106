/* The server's model in the loaded packaging: what the host has sent, see cfukit_loader.h. Whatever the blob says, no pointer leads
   outside blob and arena. */
#include "cfukit_loader.h"
#include "cfukit.h"
#include "runtime.h"

static struct cfukit_model model;
static uint8_t in_use; /* pointers in the blob have been relocated: it must be written again before the next load */

const struct cfukit_model *cfukit_served(void) {
  return &model;
}

uint8_t *cfukit_room(uint32_t *bytes) {
  static const struct cfukit_model none;
  model = none; /* the model that ran is about to be overwritten */
  in_use = 0;
  *bytes = cfukit_blob_room;
  return cfukit_blob;
}

/* Whether `count` things of `size` bytes from `offset` on, aligned for pointers, lie in the blob. */
static int fits(const struct cfukit_blob_header *h, uint32_t offset, uint32_t count, uint32_t size) {
  return offset % sizeof(uint32_t) == 0 && offset <= h->blob_bytes && count <= (h->blob_bytes - offset) / size;
}

static int relocate(const struct cfukit_blob_header *h, uint32_t entry) {
  const uint32_t offset = entry & ~UINT32_C(3);
  if (!fits(h, offset, 1, sizeof(uintptr_t)))
    return 0;
  uintptr_t value;
  memcpy(&value, cfukit_blob + offset, sizeof value);
  switch (entry & 3) {
  case CFUKIT_TO_BLOB:
    if (value > h->blob_bytes)
      return 0;
    value += (uintptr_t)cfukit_blob;
    break;
  case CFUKIT_TO_ARENA:
    if (value > h->arena_bytes)
      return 0;
    value += (uintptr_t)cfukit_loaded_arena;
    break;
  case CFUKIT_TO_KERNEL:
    if (value >= cfukit_n_kernels)
      return 0;
    value = (uintptr_t)cfukit_kernels[value];
    break;
  default:
    return 0;
  }
  memcpy(cfukit_blob + offset, &value, sizeof value);
  return 1;
}

uint32_t cfukit_load(const uint8_t *header, uint32_t bytes) {
  struct cfukit_blob_header h;
  if (bytes != sizeof h)
    return CFUKIT_ERROR_BAD_LENGTH;
  memcpy(&h, header, sizeof h);
  if (h.kernels != cfukit_kernels_id)
    return CFUKIT_ERROR_OTHER_KERNELS;
  if (h.blob_bytes > cfukit_blob_room || h.arena_bytes > cfukit_arena_room)
    return CFUKIT_ERROR_NO_ROOM;
  if (in_use || !fits(&h, h.ops, h.n_ops, sizeof(struct cfukit_op)) ||
      !fits(&h, h.variables, h.n_variables, sizeof(struct cfukit_variable)) ||
      !fits(&h, h.op_cycles, h.n_ops, sizeof(uint32_t)) || !fits(&h, h.relocations, h.n_relocations, sizeof(uint32_t)))
    return CFUKIT_ERROR_BAD_MODEL;
  in_use = 1;
  for (uint32_t i = 0; i < h.n_relocations; i++) {
    uint32_t entry;
    memcpy(&entry, cfukit_blob + h.relocations + 4 * i, sizeof entry);
    if (!relocate(&h, entry))
      return CFUKIT_ERROR_BAD_MODEL;
  }
  cfukit_kept = 0;
  model.ops = (const struct cfukit_op *)(const void *)(cfukit_blob + h.ops);
  model.arena = cfukit_loaded_arena;
  model.variables = (const struct cfukit_variable *)(const void *)(cfukit_blob + h.variables);
  model.op_cycles = (uint32_t *)(void *)(cfukit_blob + h.op_cycles);
  model.arena_bytes = model.near_bytes = h.arena_bytes;
  model.n_ops = h.n_ops;
  model.n_variables = h.n_variables;
  memcpy(model.digest, h.digest, sizeof model.digest);
  cfukit_reset(&model);
  return 0;
}

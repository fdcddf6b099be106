/* The arena's bytes by their offsets, in both parts of it. */
#include "cfukit.h"
#include "cfukit_model.h"
#include "runtime.h"

/* Where the arena has `offset`, and how much of `count` lies there in one piece. */
static uint8_t *at(const struct cfukit_model *model, uint32_t offset, uint32_t *count) {
  if (offset >= model->near_bytes)
    return model->far_arena + (offset - model->near_bytes);
  if (*count > model->near_bytes - offset)
    *count = model->near_bytes - offset;
  return model->arena + offset;
}

void cfukit_arena_write(const struct cfukit_model *model, uint32_t offset, const uint8_t *bytes, uint32_t count) {
  for (uint32_t piece = count; count > 0; count -= piece, offset += piece, bytes += piece, piece = count) {
    uint8_t *const to = at(model, offset, &piece);
    memcpy(to, bytes, piece);
  }
}

void cfukit_arena_send(const struct cfukit_model *model, uint32_t offset, uint32_t count) {
  for (uint32_t piece = count; count > 0; count -= piece, offset += piece, piece = count) {
    const uint8_t *const from = at(model, offset, &piece);
    cfukit_frame_put_bytes(from, piece);
  }
}

/* The server's model in the linked packaging: the one that was linked. */
#include "cfukit_model.h"
#include "runtime.h"

const struct cfukit_model *cfukit_served(void) {
  return &cfukit_model;
}

uint8_t *cfukit_room(uint32_t *bytes) {
  *bytes = 0;
  return 0;
}

uint32_t cfukit_load(const uint8_t *header, uint32_t bytes) {
  (void)header, (void)bytes;
  return CFUKIT_ERROR_UNKNOWN_TYPE;
}

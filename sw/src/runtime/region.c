/* CFUKIT_REGION: one record for each place in the program. The host adds up the records of one name.
   It finds the causes of a region's cycles by the reads of the counter: cfukit_region_cycles tells simulators which region reads. */
#include "cfukit.h"
#include "runtime.h"

static struct cfukit_region *first, **end = &first;

struct cfukit_region_scope_ cfukit_region_begin_(struct cfukit_region *region) {
  if (region->count == 0) {
    *end = region;
    end = &region->next;
  }
  region->count++;
  if (region->depth++ == 0)
    region->begin = cfukit_region_cycles((uintptr_t)region);
  return (struct cfukit_region_scope_){region, 1};
}

void cfukit_region_end_(struct cfukit_region_scope_ *scope) {
  struct cfukit_region *const region = scope->region;
  const uint64_t now = cfukit_region_cycles((uintptr_t)region + 1);
  if (--region->depth == 0)
    region->cycles += now - region->begin;
}

void cfukit_regions_send(void) {
  for (const struct cfukit_region *region = first; region != 0; region = region->next) {
    cfukit_frame_begin(CFUKIT_REGION_IS, 0);
    cfukit_frame_put(region->count, 4);
    cfukit_frame_put64(region->cycles + (region->depth != 0 ? cfukit_cycles() - region->begin : 0));
    cfukit_frame_put_bytes((const uint8_t *)region->name, (uint32_t)strlen(region->name));
    cfukit_frame_end();
  }
}

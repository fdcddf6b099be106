// What the CPU does in a cycle. The names are those of run.json; docs/causes.md defines them.
#pragma once
#include <cstdint>

#define CAUSES(X)                                                                                                       \
    X(executing) X(icache) X(dcache) X(store) X(uncached) X(branch) X(hazard) X(muldiv) X(csr) X(cfu_issue) X(cfu_wait) \
    X(tcm) X(trap)

enum class Cause : uint8_t {
#define X(name) name,
    CAUSES(X)
#undef X
    none,     // of a stage that holds an instruction
    unknown,  // no rule holds: a mistake in the rules
};

static constexpr int CAUSE_COUNT = static_cast<int>(Cause::none);
static constexpr const char* CAUSE_NAMES[] = {
#define X(name) #name,
    CAUSES(X)
#undef X
};

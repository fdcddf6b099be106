// What a program does that it should not, although it ends well. Every retired instruction is looked at, so all cycles are stepped.
#pragma once
#include <map>

#include "core.h"

class Linter {
    struct Finding {
        uint32_t address;  // of the first time
        uint64_t count;
    };
    Core& core;
    const uint32_t stack_bottom, stack_top;
    uint32_t deepest;
    std::vector<std::vector<bool>> written;  // by memory and byte
    std::map<std::pair<std::string, uint32_t>, Finding> findings;  // by kind and pc
    uint32_t commanded = 0;  // the pc of the newest CFU instruction that gave its command

public:
    Linter(Core& core_, uint32_t bottom, uint32_t top) : core(core_), stack_bottom(bottom), stack_top(top), deepest(top) {
        for (const Memory& memory : core.memories.all()) {
            const bool others_write = core.has_ports && core.cfu_memory.has(memory.base);
            written.emplace_back(memory.bytes, others_write || memory.kind == Memory::flash || memory.kind == Memory::boot_rom);
        }
    }
    // The image has these bytes.
    void load(uint32_t index, uint32_t offset, uint32_t bytes) {
        for (uint32_t n = 0; n < bytes; n++) written[index][offset + n] = true;
    }
    // Before a step: what may give the CFU a command. After it: whether something did.
    void stepped(const Stage& e) {
        if (!core.seen.cfu_command) return;
        if (e.is(flag::cfu)) commanded = e.pc;
        else note("cfu_command_twice", commanded, 0);
    }
    // An instruction has retired. address: of a load or store.
    void retired(const Stage& at, uint32_t address) {
        if (at.d->is(flag::memory)) access(at, address);
        const uint32_t sp = core.x[2];
        if (at.d->wd == 2 && stack_bottom <= sp && sp < deepest) deepest = sp;
    }
    void finish(FILE* file) const {
        std::fprintf(file, ", \"deepest\": %u, \"findings\": [", stack_top - deepest);
        const char* comma = "";
        for (const auto& [key, found] : findings) {
            std::fprintf(file, "%s{\"kind\": \"%s\", \"pc\": %u, \"address\": %u, \"count\": %llu}", comma, key.first.c_str(), key.second,
                         found.address, static_cast<unsigned long long>(found.count));
            comma = ", ";
        }
        std::fprintf(file, "]");
    }

private:
    void note(const char* kind, uint32_t pc, uint32_t address) {
        Finding& found = findings[{kind, pc}];
        if (!found.count++) found.address = address;
    }
    void access(const Stage& at, uint32_t address) {
        const uint32_t bytes = 1u << (at.d->word >> 12 & 3);
        const bool store = at.d->is(flag::store);
        if (is_unaligned(*at.d, address)) note("unaligned", at.pc, address);
        if (Registers::has(address)) return;
        const std::vector<Memory>& all = core.memories.all();
        for (size_t n = 0; n < all.size(); n++) {
            if (!all[n].has(address)) continue;
            if (store && (all[n].kind == Memory::flash || all[n].kind == Memory::boot_rom)) note("read_only", at.pc, address);
            const uint32_t first = address - all[n].base, end = std::min(first + bytes, all[n].bytes);
            bool known = true;
            for (uint32_t byte = first; byte < end; byte++) {
                known &= written[n][byte];
                if (store) written[n][byte] = true;
            }
            if (!store && !known) note("unwritten", at.pc, address);
            // Nothing that lives is below the stack pointer.
            const uint32_t sp = core.x[2];
            const bool on_stack = stack_bottom <= sp && sp <= stack_top;
            if (on_stack && stack_bottom <= address && address < sp) note("below_stack", at.pc, address);
            return;
        }
        note("outside", at.pc, address);
    }
};

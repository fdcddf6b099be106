// Runs a program on bench.v with a memory of its own. Words of the command line: key=value.
//   image: file of chunks {u32 address, u32 bytes, data}; what is read elsewhere is all ones. After the run the same chunks
//     are written to `memory`. trace: {u32 pc, instruction, rd (0: none), value} per retired instruction. fills: u32 address of
//     every line that the I$ begins to read.
//   seed: initial state of the CPU, poison, and bus latencies, 0 to `wait` cycles per word (fixed=1: always `wait`).
//   interrupts: N,N,...: the timer's line goes up when so many instructions have retired, down by a store to ACK.
// With a memory port for a CFU: touched: a file with a byte per word of the data TCM, 1 where the program loads or stores; read if
// traffic (how many of 256 cycles ask for something) is not 0, else written. Four numbers more at the end: errors answers writes refused.
// I/O: a store to EXIT ends the run; a load from PORT gives the next random word of the program (`io`); a store to PORT is
// logged into a hash. Prints one line of numbers: ended cycles retired i_words d_read_words d_writes commands io_hash.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "Vbench.h"
#include "Vbench___024root.h"
#include "verilated.h"

// Chunks in a TCM that the CPU has are put there, not on the bus.
static constexpr uint32_t ITCM = 0x20000000, DTCM = 0x30000000, REGION = 0x80000;
static constexpr uint32_t EXIT = 0xF0000000, PORT = 0xF0000004, ACK = 0xF0000008;

struct Random {  // xorshift
    uint32_t state;
    explicit Random(uint32_t seed) : state(seed * 2654435761u + 88172645u) { next(); }
    uint32_t next() {
        state ^= state << 13;
        state ^= state >> 17;
        return state ^= state << 5;
    }
};

#ifdef MEMORY_PORT_BITS
#include "traffic.h"
#endif

struct Chunk {
    uint32_t address;
    std::vector<uint32_t> words;
    uint32_t base = 0;  // of the TCM in which it lies, or 0
};

static std::vector<Chunk> chunks;

static uint32_t* word_at(uint32_t address) {
    for (Chunk& chunk : chunks) {
        const uint32_t offset = (address - chunk.address) / 4;
        if (!chunk.base && address >= chunk.address && offset < chunk.words.size()) return &chunk.words[offset];
    }
    return nullptr;
}

struct Port {  // one side of a Wishbone bus: waits, then acknowledges for one cycle
    Random random;
    uint32_t limit;
    bool fixed;
    uint32_t left;
    Port(uint32_t seed, uint32_t wait, bool always) : random(seed), limit(wait), fixed(always) { draw(); }
    void draw() { left = fixed ? limit : random.next() % (limit + 1); }
    bool ready(bool request) {
        if (!request) return false;
        if (left) {
            left--;
            return false;
        }
        draw();
        return true;
    }
};

int main(int argc, char** argv) {
    std::map<std::string, std::string> options;
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        options[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
    const auto number = [&](const char* key) { return (uint32_t)std::strtoul(options[key].c_str(), nullptr, 0); };
    FILE* file = std::fopen(options["image"].c_str(), "rb");
    uint32_t header[2];
    while (std::fread(header, sizeof header, 1, file) == 1) {
        chunks.push_back({header[0], std::vector<uint32_t>(header[1] / 4)});
        const uint32_t region = header[0] & ~(REGION - 1), tcms = number("tcms");
        if ((region == ITCM && tcms & 1) || (region == DTCM && tcms & 2)) chunks.back().base = region;
        if (std::fread(chunks.back().words.data(), header[1], 1, file) != 1) return 2;
    }
    std::fclose(file);
    std::vector<uint64_t> interrupts;
    for (char* text = options["interrupts"].data(); *text;) {
        interrupts.push_back(std::strtoul(text, &text, 10));
        if (*text) text++;
    }

    VerilatedContext context;
    context.randReset(2);
    context.randSeed((int)number("seed") + 1);
    Vbench top(&context);
    const uint32_t seed = number("seed"), wait = number("wait"), limit = number("max_cycles");
    const auto tcm = [&top](const Chunk& chunk) -> uint32_t* {  // where its words are in the CPU
#ifdef ITCM_MEMORY
        if (chunk.base == ITCM) return &top.rootp->ITCM_MEMORY[(chunk.address - ITCM) / 4];
#endif
#ifdef DTCM_MEMORY
        if (chunk.base == DTCM) {
            return reinterpret_cast<uint32_t*>(&top.rootp->DTCM_MEMORY[0]) + (chunk.address - DTCM) / 4;
        }
#endif
        return nullptr;
    };
    top.clk = 0;
    top.eval();  // the initial state is random: what follows comes after it
    for (const Chunk& chunk : chunks) {
        if (uint32_t* const words = tcm(chunk)) std::copy(chunk.words.begin(), chunk.words.end(), words);
    }
#ifdef MEMORY_PORT_BITS
    uint32_t* const tcm_words = reinterpret_cast<uint32_t*>(&top.rootp->DTCM_MEMORY[0]);
    std::vector<uint8_t> touched(sizeof top.rootp->DTCM_MEMORY / 4);
    const std::vector<uint32_t> before(tcm_words, tcm_words + touched.size());
    if (number("traffic")) {
        file = std::fopen(options["touched"].c_str(), "rb");
        if (std::fread(touched.data(), 1, touched.size(), file) != touched.size()) return 2;
        std::fclose(file);
    }
    const bool has_traffic = number("traffic") != 0;
    int flying = 0;  // commands to the CFU that have not retired
    Traffic traffic(seed + 7, number("traffic"), touched, tcm_words);
    top.m_valid = 0;
#endif
    Random poison(seed + 1), io(number("io"));
    Port i_port(seed + 2, wait, number("fixed")), d_port(seed + 3, wait, number("fixed"));
    std::vector<std::array<uint32_t, 4>> trace;
    std::vector<uint32_t> fills;
    uint64_t i_words = 0, reads = 0, writes = 0;
    uint32_t hash = 0;
    size_t next_interrupt = 0;
    bool ended = false;
    uint32_t cycle = 0;
    top.reset_vector = number("reset_vector");
    top.timer = 0;
    for (; cycle < limit && !ended; cycle++) {
        top.reset = cycle < 8;
        top.poison = poison.next();
        top.clk = 0;
        top.i_ack = top.d_ack = 0;
        top.eval();
        if (!top.reset) {
            if (i_port.ready(top.i_cyc && top.i_stb)) {
                const uint32_t* word = word_at(top.i_adr << 2);
                top.i_ack = 1;
                top.i_data = word ? *word : 0xFFFFFFFF;
                i_words++;
                if (top.i_adr % 8 == 0) fills.push_back(top.i_adr << 2);
            }
            if (d_port.ready(top.d_cyc && top.d_stb)) {
                const uint32_t address = top.d_adr << 2;
                uint32_t* word = word_at(address);
                top.d_ack = 1;
                top.d_data = word ? *word : 0xFFFFFFFF;
                if (!top.d_we) {
                    reads += word != nullptr;
                    if (address == PORT) top.d_data = io.next();
                } else if (word) {
                    uint32_t mask = 0;
                    for (int lane = 0; lane < 4; lane++) mask |= top.d_sel >> lane & 1 ? 0xFFu << 8 * lane : 0;
                    *word = (*word & ~mask) | (top.d_mosi & mask);
                    writes++;
                } else if (address == EXIT) {
                    ended = true;
                } else if (address == ACK) {
                    top.timer = 0;
                } else if (address == PORT) {
                    hash = hash * 31 + top.d_mosi + top.d_sel;
                }
            }
#ifdef MEMORY_PORT_BITS
            if (has_traffic) traffic.drive(top);
#endif
            top.eval();
#ifdef MEMORY_PORT_BITS
            if (has_traffic) traffic.see(top);
            const bool in_tcm = top.d_accesses && (top.d_address & ~(REGION - 1)) == DTCM;
            if (in_tcm && !has_traffic) {
                const uint32_t word = (top.d_address - DTCM) / 4;
                if (word < touched.size()) touched[word] = 1;
            }
            // A command that went out before this cycle and has not retired: a store that leaves now came before it.
            if (in_tcm && (top.instruction & 0x7F) == 0x23 && flying) traffic.errors++;
            if (top.retires && (top.instruction & 0x7F) == 0x0B) flying--;
            flying += top.cfu_command;
#endif
            if (top.retires) {
                trace.push_back({top.pc, top.instruction, top.write ? top.rd : 0u, top.value});
                if (next_interrupt < interrupts.size() && trace.size() >= interrupts[next_interrupt] && !top.timer) {
                    top.timer = 1;
                    next_interrupt++;
                }
            }
        }
        top.clk = 1;
        top.eval();
    }
    file = std::fopen(options["trace"].c_str(), "wb");
    std::fwrite(trace.data(), 16, trace.size(), file);
    std::fclose(file);
    file = std::fopen(options["fills"].c_str(), "wb");
    std::fwrite(fills.data(), 4, fills.size(), file);
    std::fclose(file);
#ifdef MEMORY_PORT_BITS
    if (has_traffic) {
        traffic.finish(tcm_words, before);
    } else if (!options["touched"].empty()) {
        file = std::fopen(options["touched"].c_str(), "wb");
        std::fwrite(touched.data(), 1, touched.size(), file);
        std::fclose(file);
    }
#endif
    file = std::fopen(options["memory"].c_str(), "wb");
    for (Chunk& chunk : chunks) {
        if (const uint32_t* const words = tcm(chunk)) std::copy_n(words, chunk.words.size(), chunk.words.begin());
    }
    for (const Chunk& chunk : chunks) std::fwrite(chunk.words.data(), 4, chunk.words.size(), file);
    std::fclose(file);
    std::printf("%d %u %zu %llu %llu %llu %u %u", ended, cycle, trace.size(), (unsigned long long)i_words,
                (unsigned long long)reads, (unsigned long long)writes, top.commands, hash);
#ifdef MEMORY_PORT_BITS
    std::printf(" %llu %llu %llu %llu", (unsigned long long)traffic.errors, (unsigned long long)traffic.answers,
                (unsigned long long)traffic.writes, (unsigned long long)traffic.refused);
#endif
    std::printf("\n");
    return 0;
}

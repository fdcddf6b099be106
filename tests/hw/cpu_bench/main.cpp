// main WHICH WAIT_CYCLES MAX_CYCLES IMAGE: runs a memory image (words) on cpu_bench and writes it back.
// Prints "CYCLES COMMANDS"; exit code 1 when the program did not halt.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "Vcpu_bench.h"
#include "verilated.h"

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    VerilatedContext context;
    Vcpu_bench top(&context);
    const auto clock = [&top]() {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    };
    top.reset = 1;
    top.poke = 1;
    std::fstream image(argv[4], std::ios::in | std::ios::out | std::ios::binary);
    for (int i = 0; i < 65536; i++) {
        uint32_t word = 0;
        image.read(reinterpret_cast<char *>(&word), 4);
        top.address = static_cast<uint16_t>(i);
        top.word = word;
        clock();
    }
    top.poke = 0;
    top.which = static_cast<uint8_t>(std::atoi(argv[1]));
    top.wait_cycles = static_cast<uint8_t>(std::atoi(argv[2]));
    const long limit = std::atol(argv[3]);
    long cycle = 0;
    for (; cycle < limit && !top.halted; cycle++) {
        top.reset = cycle < 4;
        clock();
    }
    std::printf("%ld %u\n", cycle, top.commands);
    image.clear();
    image.seekp(0);
    for (int i = 0; i < 65536; i++) {
        top.address = static_cast<uint16_t>(i);
        top.eval();
        const uint32_t word = top.peek;
        image.write(reinterpret_cast<const char *>(&word), 4);
    }
    return top.halted ? 0 : 1;
}

// Runs the netlist and writes what comes out of its UART pin to standard output.
// Arguments, in clocks of the pin: length of a bit, silence that ends the run (once something was sent), limit of the run.
// At the end, on standard error: the number of clocks.
#include <cstdio>
#include <cstdlib>

#include "Vbench.h"
#include "verilated.h"

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const unsigned long long bit = std::strtoull(argv[1], nullptr, 10), silence = std::strtoull(argv[2], nullptr, 10);
    const unsigned long long limit = std::strtoull(argv[3], nullptr, 10);
    VerilatedContext context;
    Vbench bench{&context};
    bench.serial_rx = 1;
    unsigned long long clock = 0, begin = 0, last = 0;
    bool receiving = false, started = false;
    unsigned byte = 0, bits = 0;
    for (; clock < limit && !(started && clock - last > silence); clock++) {
        bench.clk_pin = 1;
        bench.eval();
        bench.clk_pin = 0;
        bench.eval();
        if (!receiving) {
            if (!bench.serial_tx && clock > 16) receiving = true, begin = clock, byte = bits = 0;
        } else if (clock == begin + bit / 2 + bit * (bits + 1)) {  // the middle of a bit
            if (bits < 8) byte |= (unsigned)bench.serial_tx << bits;
            if (++bits == 9) {
                if (bench.serial_tx) std::putchar((int)byte), started = true, last = clock;
                receiving = false;
            }
        }
    }
    std::fflush(stdout);
    std::fprintf(stderr, "%llu\n", clock);
    return 0;
}

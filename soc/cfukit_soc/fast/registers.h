// What the CSR bus reaches: block `cfukit` and the UART. An address without a register reads 0.
#pragma once
#include "parameters.h"
#include "uart.h"

class Registers {
    enum Place : uint8_t { nothing, dram_pins, cycles_high, cycles_low, exit_code, instret, uart_first };
    std::map<uint32_t, uint8_t> places;

public:
    static constexpr uint32_t BASE = 0xF0000000, BYTES = 0x10000;
    Uart uart;
    uint64_t exits_at = UINT64_MAX;  // the cycle in which the harness sees the exit
    uint32_t code = 0;

    explicit Registers(const Parameters& parameters) {
        const auto place = [&](const char* name, uint8_t what, uint32_t more = 0) {
            const auto found = parameters.registers.find(name);
            if (found != parameters.registers.end()) places[found->second + more] = what;
        };
        place("cfukit_cycles", cycles_high);
        place("cfukit_cycles", cycles_low, 4);
        place("cfukit_exit", exit_code);
        place("cfukit_instret", instret);
        static const char* const names[] = {"uart_rxtx", "uart_txfull", "uart_rxempty", "uart_ev_status",
                                            "uart_ev_pending", "uart_ev_enable", "uart_txempty", "uart_rxfull"};
        for (uint8_t n = 0; n < 8; n++) place(names[n], static_cast<uint8_t>(uart_first + n));
        for (const auto& [name, address] : parameters.registers) {
            if (name.compare(0, 11, "sdram_dfii_") == 0) places[address] = dram_pins;
        }
    }
    static bool has(uint32_t address) { return address - BASE < BYTES; }

    uint32_t read(uint32_t address, uint64_t cycle, uint64_t instructions) {
        const auto found = places.find(address & ~3u);
        if (found == places.end()) return 0;
        switch (found->second) {
        case dram_pins: refuse(address);
        case cycles_high: return static_cast<uint32_t>(cycle >> 32);
        case cycles_low: return static_cast<uint32_t>(cycle);
        case exit_code: return code;
        case instret: return static_cast<uint32_t>(instructions);
        default: uart.advance(cycle); return uart.read(static_cast<Uart::Register>(found->second - uart_first));
        }
    }
    void write(uint32_t address, uint32_t value, uint64_t cycle) {
        const auto found = places.find(address & ~3u);
        if (found == places.end()) return;
        if (found->second == dram_pins) refuse(address);
        if (found->second == exit_code) {
            code = value;
            exits_at = cycle + 1;
        } else if (found->second >= uart_first) {
            uart.advance(cycle);
            uart.write(static_cast<Uart::Register>(found->second - uart_first), value);
        }
    }

private:
    // They drive the chip's pins instead of the controller.
    [[noreturn]] static void refuse(uint32_t address) {
        std::fprintf(stderr, "the program uses register %#x of the DRAM controller, which engine fast does not model\n", address);
        std::exit(3);
    }
};

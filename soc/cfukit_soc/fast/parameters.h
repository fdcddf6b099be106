// What differs between systems: CPU, bus, memories, registers. A text of lines "key number" or "memory base bytes kind read
// write" or "register NAME address" or "dram NAME number", written by parameters.py.
#pragma once
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "dram_bank.h"
#include "options.h"

struct MemoryParameters {
    uint32_t base, bytes;
    std::string kind;  // ram, sram, itcm, dtcm, flash, cpu_rom, dram
    uint32_t read_cycles, write_cycles;
};

struct Parameters {
    uint32_t icache_bytes = 4096, dcache_bytes = 4096;
    bool multiplier = true, divider = true, prediction = true, bypass = true;
    bool traps = true, interrupts = true, alignment_check = true;
    bool stock = true;          // the CPU's fault: a CFU command that waits can be issued twice
    bool single_ported = false; // TCMs
    bool direct_bus = false;    // data accesses have no buffers in front of the bus
    bool cfu_waits = true;      // a CFU command waits for what may still be flushed
    bool cfu_enabled = false;   // without the CSR that enables it
    bool registered_csrs = false;  // the bridge to the CSR bus takes a cycle more
    uint32_t reset_address = 0, bus_timeout_cycles = 256, flash_base = 0;
    uint32_t memory_port_bits = 0, dma_bits = 0, main_memory = 0;  // of the CFU; 0: it has no such port
    uint32_t starts_at = 0;  // the first cycle in which the CPU is not in reset
    DramParameters dram;
    std::vector<uint32_t> csrs;
    std::vector<MemoryParameters> memories;
    std::map<std::string, uint32_t> registers;
};

inline Parameters read_parameters(const std::string& path) {
    std::ifstream file(path);
    if (!file) fail("cannot read the parameters", path);
    Parameters found;
    const std::map<std::string, uint32_t*> numbers = {{"icache_bytes", &found.icache_bytes},
                                                      {"dcache_bytes", &found.dcache_bytes},
                                                      {"reset_address", &found.reset_address},
                                                      {"flash_base", &found.flash_base},
                                                      {"bus_timeout_cycles", &found.bus_timeout_cycles},
                                                      {"memory_port_bits", &found.memory_port_bits},
                                                      {"dma_bits", &found.dma_bits},
                                                      {"main_memory", &found.main_memory},
                                                      {"starts_at", &found.starts_at}};
    DramParameters& dram = found.dram;
    const std::map<std::string, uint32_t*> dram_numbers = {
        {"port_bits", &dram.port_bits}, {"column_bits", &dram.column_bits}, {"bank_bits", &dram.bank_bits},
        {"phases", &dram.phases}, {"read_latency", &dram.read_latency}, {"write_latency", &dram.write_latency},
        {"turnaround", &dram.turnaround}, {"rp", &dram.rp}, {"rcd", &dram.rcd}, {"wtp", &dram.wtp}, {"rc", &dram.rc},
        {"ras", &dram.ras}, {"rrd", &dram.rrd}, {"faw", &dram.faw}, {"ccd", &dram.ccd}, {"wtr", &dram.wtr},
        {"rfc", &dram.rfc}, {"zqcs", &dram.zqcs}, {"refresh_period", &dram.refresh_period},
        {"zqcs_period", &dram.zqcs_period}, {"read_time", &dram.read_time}, {"write_time", &dram.write_time},
        {"l2_bytes", &dram.l2_bytes}};
    const std::map<std::string, bool*> flags = {
        {"multiplier", &found.multiplier}, {"divider", &found.divider}, {"prediction", &found.prediction},
        {"bypass", &found.bypass}, {"traps", &found.traps}, {"interrupts", &found.interrupts},
        {"alignment_check", &found.alignment_check}, {"stock", &found.stock}, {"single_ported", &found.single_ported},
        {"direct_bus", &found.direct_bus}, {"cfu_waits", &found.cfu_waits}, {"cfu_enabled", &found.cfu_enabled},
        {"registered_csrs", &found.registered_csrs}};
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key, name;
        uint32_t number = 0;
        words >> key;
        if (key == "memory") {
            MemoryParameters memory;
            words >> memory.base >> memory.bytes >> memory.kind >> memory.read_cycles >> memory.write_cycles;
            found.memories.push_back(memory);
        } else if (key == "register") {
            words >> name >> number;
            found.registers[name] = number;
        } else if (key == "dram" && words >> name >> number && dram_numbers.count(name)) {
            *dram_numbers.at(name) = number;
        } else if (key == "csr") {
            words >> number;
            found.csrs.push_back(number);
        } else if (words >> number; numbers.count(key)) {
            *numbers.at(key) = number;
        } else if (flags.count(key)) {
            *flags.at(key) = number != 0;
        } else {
            std::fprintf(stderr, "%s: unknown parameter %s\n", path.c_str(), key.c_str());
            std::exit(2);
        }
    }
    return found;
}

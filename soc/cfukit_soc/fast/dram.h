// LiteDRAM's controller: in which cycle it takes a command of a port, and when the data come or go.
//
// Bank machines, multiplexer and refresher as LiteDRAM has them, stepped while something is going on. Time limits are kept as the
// cycle in which they end, so that nothing has to be counted while the controller is idle.
#pragma once
#include <algorithm>

#include "dram_bank.h"

class DramController {
public:
    static constexpr uint32_t PORTS = 2;  // the CPU's side, and a CFU's

private:
    using Bank = DramBank;
    using Entry = Bank::Entry;
    struct Chooser {
        uint32_t grant = 0;
        bool ready = false, valid = false;
    };
    enum Mode : uint8_t { reading, writing, refreshing, to_read, to_write };  // in this order: the first two are at rest
    enum Refresh : uint8_t { idle, waits_for_banks, refreshes, calibrates };

    const DramParameters& p;
    const uint32_t bank_count, ports;
    std::array<Bank, 8> banks;
    uint32_t busy = 0;  // banks that have commands or are not in state `regular`
    Chooser any, column;  // LiteDRAM's choose_cmd and choose_req
    Mode mode = reading;
    uint64_t mode_until = 0, starved_at = 0;  // of a turnaround; when the other direction goes first
    uint64_t may_activate = 0, may_column = 0, may_read = 0;
    uint32_t window = 0;  // of recent activations
    bool window_open = true;
    Refresh refresher = idle;
    bool rows_closed = true;
    uint64_t refresh_due, refreshed_at = 0, calibrates_at;  // when a refresh is wanted, and when one ends
    uint64_t reads[PORTS] = {}, writes[PORTS] = {};  // on their way, a bit per cycle

    // Round robin: who comes after the one that has the grant.
    static uint32_t next_of(uint32_t grant, uint32_t requests, uint32_t count) {
        for (uint32_t n = 1; n < count; n++) {
            const uint32_t candidate = (grant + n) % count;
            if (requests >> candidate & 1) return candidate;
        }
        return grant;
    }
    // The banks in `set`, one after the other.
    template <typename Visit>
    void each(uint32_t set, Visit visit) {
        for (; set; set &= set - 1) visit(static_cast<uint32_t>(__builtin_ctz(set)));
    }
    // The next cycle in which a bank does something, or may.
    uint64_t next_of(const Bank& bank) const {
        if (bank.queued && !bank.current_valid) return now;
        switch (bank.state) {
        case Bank::waiting: return bank.waits_until;
        case Bank::activate: return bank.may_activate;
        case Bank::precharge: return std::max(bank.written, bank.may_precharge);
        case Bank::refresh: return refreshed_at;
        default: return now;
        }
    }
    // As long as no port has a command, nothing happens before the result but that data come nearer.
    uint64_t next_event() {
        if (window) return now;
        if (refresher == idle ? mode > writing : refresher == waits_for_banks || mode != refreshing) return now;
        uint64_t next = refresh_due;
        each(busy, [&](uint32_t n) { next = std::min(next, next_of(banks[n])); });
        return next;
    }
    static uint64_t cycles_left(uint64_t on_their_way, uint32_t latency) {
        return on_their_way ? latency - (64 - static_cast<uint32_t>(__builtin_clzll(on_their_way))) : UINT64_MAX;
    }

public:
    uint64_t now = 0;  // the cycle that comes next

    DramController(const DramParameters& parameters, uint32_t ports_)
        : p(parameters), bank_count(1u << parameters.bank_bits), ports(ports_), refresh_due(parameters.refresh_period),
          calibrates_at(parameters.zqcs_period - 1) {}

    bool read_comes(uint32_t port) const { return reads[port] >> (p.read_latency - 1) & 1; }
    bool write_goes(uint32_t port) const { return writes[port] >> (p.write_latency - 1) & 1; }

    // Until cycle `cycle`, without a command.
    void idle_until(uint64_t cycle) {
        static const DramCommand none[PORTS];
        while (now < cycle) {
            skip(cycle);
            if (now < cycle) step(none);
            if (cycle - now > 2ull * p.refresh_period) skip_periods(cycle);
        }
    }

    // No port has a command: goes on to where something happens or data come or go, but not beyond `cycle`.
    void skip(uint64_t cycle) {
        uint64_t next = std::min(cycle, next_event());
        if (next <= now) return;
        uint64_t cycles = next - now;
        for (uint32_t n = 0; n < ports; n++) {
            cycles = std::min(cycles, cycles_left(reads[n], p.read_latency));
            cycles = std::min(cycles, cycles_left(writes[n], p.write_latency));
        }
        now += cycles;
        for (uint32_t n = 0; n < ports; n++) reads[n] = reads[n] ? reads[n] << cycles : 0, writes[n] = writes[n] ? writes[n] << cycles : 0;
    }

    // One clock. Bit n of the result: the command of port n was taken.
    uint32_t step(const DramCommand* commands);

private:
    void enter_mode(Mode next) {
        mode = next;
        if (next == reading) starved_at = now + p.read_time;
        if (next == writing) starved_at = now + p.write_time;
        if (next == to_write) mode_until = now + p.turnaround;
    }
    void advance_mode(bool reads_wait, bool writes_wait, bool all_granted, bool refresh_ends) {
        const bool starves = now >= starved_at;
        switch (mode) {
        case reading:
            if (all_granted) enter_mode(refreshing);
            else if (writes_wait && (!reads_wait || starves)) enter_mode(to_write);
            break;
        case writing:
            if (all_granted) enter_mode(refreshing);
            else if (reads_wait && (!writes_wait || starves)) enter_mode(to_read);
            break;
        case refreshing:
            if (refresh_ends) enter_mode(reading);
            break;
        case to_read:
            if (now >= may_read) enter_mode(reading);
            break;
        case to_write:
            if (now >= mode_until) enter_mode(writing);
            break;
        }
    }
    void advance_refresher(bool wanted, bool done, bool calibration) {
        switch (refresher) {
        case idle:
            if (wanted) refresher = waits_for_banks;
            break;
        case waits_for_banks:
            if (mode != refreshing) break;
            refresher = refreshes, refreshed_at = now + p.rp + p.rfc + 1;
            break;
        case refreshes:
            if (!done) break;
            refresher = calibration ? calibrates : idle;
            rows_closed = true;
            if (calibration) refreshed_at = now + p.rp + p.zqcs + 1;
            break;
        case calibrates:
            if (!done) break;
            refresher = idle, calibrates_at = now + p.zqcs_period;
            break;
        }
    }
    // After a refresh all rows are closed, so every period in which nobody wants anything is like the last.
    void skip_periods(uint64_t cycle) {
        if (!rows_closed || busy || window || refresher != idle || mode != reading) return;
        uint64_t end = cycle;
        if (p.zqcs && calibrates_at > now) end = std::min(end, calibrates_at);
        if (end < now + 2ull * p.refresh_period) return;
        const uint64_t skipped = (end - now) / p.refresh_period - 1;
        const uint64_t cycles = skipped * p.refresh_period;
        now += cycles, starved_at += cycles, refresh_due += cycles;
    }
};

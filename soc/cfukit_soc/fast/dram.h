// LiteDRAM's controller: in which cycle it takes a command of a port, and when the data come or go.
//
// Bank machines, multiplexer and refresher as LiteDRAM has them, stepped while something is going on. Time limits are kept as the
// cycle in which they end, so that nothing has to be counted while the controller is idle.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

struct DramParameters {
    uint32_t port_bits = 0;                        // 0: there is no DRAM
    uint32_t column_bits = 0, bank_bits = 0;       // of an address at the port
    uint32_t phases = 1;                           // of the DFI
    uint32_t read_latency = 1, write_latency = 1;  // from the multiplexer to the port
    uint32_t turnaround = 1;                       // from reads to writes
    uint32_t rp = 1, rcd = 1, wtp = 1, rc = 1, ras = 1, rrd = 1, ccd = 1, wtr = 1, rfc = 1;  // in cycles, see soc.json
    uint32_t faw = 0, zqcs = 0;                    // 0: the chip has no such limit
    uint32_t refresh_period = 1, zqcs_period = 1;
    uint32_t read_time = 1, write_time = 1;        // before the other direction may go first
    uint32_t l2_bytes = 0;
};

struct DramCommand {
    bool valid = false, write = false;
    uint32_t address = 0;  // in words of the port
};

class DramController {
public:
    static constexpr uint32_t PORTS = 2;  // the CPU's side, and a CFU's

private:
    static constexpr uint32_t QUEUE = 8;  // commands that a bank takes ahead
    struct Entry {
        bool write = false;
        uint32_t row = 0;
    };
    enum State : uint8_t { regular, precharge, autoprecharge, activate, refresh, waiting };
    struct Bank {
        std::array<Entry, QUEUE> queue;
        uint32_t first = 0, queued = 0;
        bool current_valid = false, open = false;
        Entry current;
        uint32_t row = 0, port = 0;  // the open row; the port that the bank serves
        State state = regular, then = regular;
        uint64_t waits_until = 0;    // and then it is in state `then`
        uint64_t may_precharge = 0, may_activate = 0, written = 0;  // written: what it wrote is in the chip
        bool lock() const { return queued || current_valid; }
    };
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
        case waiting: return bank.waits_until;
        case activate: return bank.may_activate;
        case precharge: return std::max(bank.written, bank.may_precharge);
        case refresh: return refreshed_at;
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
    uint32_t step(const DramCommand* commands) {
        const bool wants_refresh = now == refresh_due;
        if (wants_refresh) refresh_due += p.refresh_period;
        const bool refresh_done = (refresher == refreshes || refresher == calibrates) && now == refreshed_at;
        while (calibrates_at < now) calibrates_at += p.zqcs_period;
        const bool wants_calibration = refresher == refreshes && p.zqcs && calibrates_at == now;
        const bool refresh_ends = refresh_done && !wants_calibration;
        const bool refresh_valid = refresher != idle && !refresh_ends;

        // What the banks ask for
        uint32_t is_command = 0, is_activate = 0, is_read = 0, is_write = 0;
        bool all_granted = refresher != idle;
        const uint32_t active = refresher != idle ? (1u << bank_count) - 1 : busy;
        each(active, [&](uint32_t n) {
            Bank& bank = banks[n];
            if (bank.state == waiting && now >= bank.waits_until) bank.state = bank.then;
            all_granted &= bank.state == refresh && now >= bank.written;
            const uint32_t bit = 1u << n;
            switch (bank.state) {
            case regular:
                if (refresh_valid || !bank.current_valid || !bank.open || bank.row != bank.current.row) break;
                (bank.current.write ? is_write : is_read) |= bit;
                break;
            case precharge:
                if (now >= bank.written && now >= bank.may_precharge) is_command |= bit;
                break;
            case activate:
                if (now >= bank.may_activate) is_command |= bit, is_activate |= bit;
                break;
            default: break;
            }
        });

        // The multiplexer's choice
        const bool works = mode == reading || mode == writing;
        const bool row_allowed = now >= may_activate && window_open, column_allowed = now >= may_column;
        uint32_t column_requests = mode == reading ? is_read : mode == writing ? is_write : is_command;
        if (p.phases == 1) column_requests |= row_allowed ? is_command : is_command & ~is_activate;
        const auto offer = [](Chooser& chooser, uint32_t requests) { chooser.valid = requests >> chooser.grant & 1; };
        offer(column, column_requests);
        const bool column_activates = column.valid && is_activate >> column.grant & 1;
        column.ready = works && column_allowed && (p.phases != 1 || !column_activates || row_allowed);
        uint32_t taken = column.valid && column.ready ? 1u << column.grant : 0;
        bool activates = p.phases == 1 && taken && column_activates;
        const uint32_t column_taken = taken & (is_read | is_write);
        if (p.phases != 1) {
            offer(any, is_command);
            const bool any_activates = any.valid && is_activate >> any.grant & 1;
            any.ready = works && (!any_activates || row_allowed);
            if (any.valid && any.ready) {
                taken |= 1u << any.grant;
                activates = any_activates;
            }
            if (any.ready || !any.valid) any.grant = next_of(any.grant, is_command, bank_count);
        }
        if (column.ready || !column.valid) column.grant = next_of(column.grant, column_requests, bank_count);

        // What the ports ask for
        uint32_t accepted = 0;
        struct {
            uint32_t bank = 0;
            Entry entry;
        } asked[PORTS];
        uint32_t valid_ports = 0, asked_banks = 0;
        for (uint32_t n = 0; n < ports; n++) {
            if (!commands[n].valid) continue;
            const uint32_t address = commands[n].address;
            asked[n].bank = address >> p.column_bits & (bank_count - 1);
            asked[n].entry = {commands[n].write, address >> (p.column_bits + p.bank_bits)};
            bool locked = false;
            each(busy & ~(1u << asked[n].bank), [&](uint32_t other) { locked |= banks[other].port == n && banks[other].lock(); });
            if (!locked) valid_ports |= 1u << n, asked_banks |= 1u << asked[n].bank;
        }

        // The edge
        for (uint32_t n = 0; n < ports; n++) {
            reads[n] = reads[n] << 1 & ((1ull << p.read_latency) - 1);
            writes[n] = writes[n] << 1 & ((1ull << p.write_latency) - 1);
        }
        each(active | asked_banks, [&](uint32_t n) {
            Bank& bank = banks[n];
            const uint32_t bit = 1u << n;
            const bool served = column_taken & bit;
            if (served) {
                if (bank.current.write) {
                    writes[bank.port] |= 1;
                    bank.written = now + p.wtp;
                } else {
                    reads[bank.port] |= 1;
                }
            }
            // Rows
            switch (bank.state) {
            case regular:
                if (refresh_valid) bank.state = refresh;
                else if (served) {
                    if (bank.queued && bank.queue[bank.first].row != bank.current.row) bank.state = autoprecharge;
                } else if (bank.current_valid) {
                    if (!bank.open) bank.state = activate;
                    else if (bank.row != bank.current.row) bank.state = precharge;
                }
                break;
            case precharge:
                bank.open = false;
                if (taken & bit) wait(bank, p.rp, activate);
                break;
            case autoprecharge:
                bank.open = false;
                if (now >= bank.written && now >= bank.may_precharge) wait(bank, p.rp, activate);
                break;
            case activate:
                if (!(is_command & bit)) break;
                bank.open = true, bank.row = bank.current.row;
                if (!(taken & bit)) break;
                bank.may_precharge = now + p.ras, bank.may_activate = now + p.rc;
                wait(bank, p.rcd, regular);
                break;
            case refresh:
                bank.open = false;
                if (!refresh_valid) bank.state = regular;
                break;
            case waiting: break;
            }
            // Commands
            const bool lock = bank.lock();
            uint32_t requests = 0;
            for (uint32_t port = 0; port < ports; port++) {
                if (valid_ports >> port & 1 && asked[port].bank == n) requests |= 1u << port;
            }
            const bool full = bank.queued == QUEUE, given = requests >> bank.port & 1;
            const uint32_t port = bank.port;
            if (!given && !lock) bank.port = next_of(bank.port, requests, ports);
            if (!bank.current_valid || served) {
                bank.current_valid = bank.queued != 0;
                if (bank.queued) {
                    bank.current = bank.queue[bank.first];
                    bank.first = (bank.first + 1) % QUEUE, bank.queued--;
                }
            }
            if (given && !full) {
                accepted |= 1u << port;
                bank.queue[(bank.first + bank.queued++) % QUEUE] = asked[port].entry;
            }
            busy = bank.lock() || bank.state != regular ? busy | bit : busy & ~bit;
        });
        if (activates) may_activate = now + p.rrd, rows_closed = false;
        if (column_taken) may_column = now + p.ccd;
        if (column_taken & is_write) may_read = now + p.wtr;
        if (p.faw) {
            uint32_t recent = 0;
            for (uint32_t n = 0; n < p.faw; n++) recent += window >> n & 1;
            if (recent < 4) window_open = recent != 3 || !activates;
            window = (window << 1 | static_cast<uint32_t>(activates)) & ((1u << p.faw) - 1);
        }
        advance_refresher(wants_refresh, refresh_done, wants_calibration);
        advance_mode(is_read != 0, is_write != 0, all_granted, refresh_ends);
        now++;
        return accepted;
    }

private:
    void wait(Bank& bank, uint32_t cycles, State then) {
        bank.state = cycles > 1 ? waiting : then;
        bank.waits_until = now + cycles, bank.then = then;
    }
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

// gdb's side of a run: where the program stops, and what it is asked there. It outlives the run, because the way back is a run from
// the reset on that stops earlier: a run depends on nothing but its inputs.
//
// The program stops between two instructions. `moment` counts these places: instructions that have retired, and traps.
#pragma once
#include <map>
#include <utility>

#include "gdb_target.h"

class Debugger {
public:
    // What the run does next.
    enum class Verdict { go_on, again, killed };

private:
    enum class Mode { running, stepping, returning, searching, detached };
    // A change that gdb made, so that another run comes to the same place.
    struct Change {
        uint64_t moment, cycle;
        int number;        // of the register; -1: memory
        uint32_t address;  // or the register's value
        std::string bytes;
    };
    struct Watch {
        uint32_t address, bytes;
        bool loads, stores;
    };
    struct Place {
        uint64_t moment, cycle;
    };
    GdbLine line;
    const bool reversible;
    Mode mode = Mode::stepping;
    std::map<uint32_t, int> breakpoints;  // how many of each
    std::vector<Watch> watches;
    std::vector<Change> changes;
    bool runs = false;         // gdb waits for what it says when it stops
    bool interrupted = false;  // by gdb
    bool new_points = false;
    // Of this run:
    uint64_t moment = 0, traps = 0;
    size_t changed = 0;  // changes that were made again
    uint32_t pc = 0;     // of the next instruction
    bool fresh = true;   // the place is new: stop here?
    bool leaves = false;  // the run has just been resumed here
    bool over = false;   // the program has ended
    std::string hit;     // why the run stops: further members of the reply
    // On the way back:
    Place goal{0, 0};    // where the run stops
    Place here{0, 0};    // where the way back began
    bool found = false;
    Place last{0, 0};    // the last place where the run would have stopped
    std::string last_hit;

public:
    Debugger(int listener, bool can_reverse) : line(listener), reversible(can_reverse) {}

    // Whether the pages to watch are others since the last call.
    bool points_changed() { return std::exchange(new_points, false); }

    // A run begins.
    void begin(Core& core) {
        moment = traps = changed = 0;
        pc = core.p.reset_address;
        fresh = true, leaves = over = false, hit.clear();
        for (const auto& [address, count] : breakpoints) core.icache.stop_at(address, count > 0);
    }
    // The pages that the fast path leaves to the core.
    template <class Function>
    void each_watched_page(const Function& function) const {
        for (const Watch& watch : watches) {
            const uint64_t last = std::min<uint64_t>(uint64_t{watch.address} + watch.bytes - 1, UINT32_MAX);
            for (uint32_t page = watch.address >> 12; page <= last >> 12; page++) function(page);
        }
    }
    // Whether the fast path may take over: it would not notice a place that is already in the pipeline.
    bool lets_run(const Core& core, uint64_t margin) const {
        if (mode == Mode::detached) return true;
        if (mode == Mode::stepping || leaves || core.cycle + 2 * margin > limit()) return false;
        if (breakpoints.empty()) return true;
        for (const Stage* stage : {&core.D, &core.E, &core.M, &core.W}) {
            if (stage->valid && breakpoints.count(stage->pc)) return false;
        }
        return true;
    }
    // The cycle that the fast path must not reach.
    uint64_t limit() const {
        uint64_t cycle = UINT64_MAX;
        if (mode == Mode::returning) cycle = goal.cycle;
        if (mode == Mode::searching) cycle = here.cycle;
        return changed < changes.size() ? std::min(cycle, changes[changed].cycle) : cycle;
    }
    void ran_fast(const Core& core, uint64_t retired) {
        moment = core.instructions + traps;
        const Stage* const stages[] = {&core.W, &core.M, &core.E, &core.D};
        for (const Stage* stage : stages) {
            if (!stage->valid) continue;
            pc = stage->pc;
            break;
        }
        if (retired) fresh = true, hit.clear();
    }
    // The core has made a step: an instruction has retired, or a trap is taken. stored_at: of a load or store.
    void stepped(const Core& core, const Stage& at, uint32_t address) {
        if (!core.seen.retired && !core.seen.trap) return;
        fresh = true, leaves = false, hit.clear();
        if (core.seen.retired) {
            pc = following(core, at);
            if (at.d->is(flag::memory)) look_at_access(address, 1u << (at.d->word >> 12 & 3), at.d->is(flag::store));
        }
        if (core.seen.trap) traps++, pc = core.csrs.mtvec & ~3u;
        moment = core.instructions + traps;
    }
    // The program runs, forwards or again from the reset on: gdb may want it to stop where it is.
    void look() {
        if (mode == Mode::stepping || mode == Mode::detached || !line.interrupts()) return;
        mode = Mode::stepping, interrupted = true, last_hit.clear();
    }
    // Between two steps.
    Verdict turn(Core& core) {
        if (!fresh || mode == Mode::detached) return Verdict::go_on;
        fresh = false;
        while (changed < changes.size() && changes[changed].moment == moment) change(core, changes[changed++]);
        switch (mode) {
        case Mode::searching: return search(core);
        case Mode::returning:
            if (moment < goal.moment) return Verdict::go_on;
            hit = last_hit;
            break;
        case Mode::running:
            if (leaves || (hit.empty() && !breakpoints.count(pc))) return Verdict::go_on;
            break;
        default: break;
        }
        while (changes.size() > changed) changes.pop_back();  // those that lie ahead
        if (runs) line.send(interrupted ? "T02" : "T05" + hit);
        interrupted = false, runs = true;
        return serve(core);
    }
    // The program has ended: by a fault if `signal` is not 0, else with `code`. A fault is a place to look at.
    Verdict ends(Core& core, int signal, uint32_t code) {
        if (mode == Mode::detached) return Verdict::go_on;
        std::string reply = "T";
        if (signal) {
            hex::append(reply, static_cast<uint8_t>(signal));
            over = true;
            if (runs) line.send(reply);
            runs = true;
            const Verdict verdict = serve(core);
            if (verdict != Verdict::go_on || mode == Mode::detached) return verdict;
            reply = "X";
            hex::append(reply, static_cast<uint8_t>(signal));
        } else {
            reply = "W";
            hex::append(reply, static_cast<uint8_t>(code));
        }
        line.send(reply);
        mode = Mode::detached;
        return Verdict::go_on;
    }

private:
    static uint32_t following(const Core& core, const Stage& at) {
        const Decoded& d = *at.d;
        const bool taken = d.is(flag::branch) && branch_condition(d, core.x[d.rs1], core.x[d.rs2], at.pc);
        uint32_t next = at.pc + 4;
        if (taken || d.is(flag::jal)) next = at.pc + static_cast<uint32_t>(d.immediate);
        if (d.is(flag::jalr)) next = core.retired_target;
        if (d.is(flag::xret) && core.p.traps) next = core.csrs.mepc;
        return next & ~3u;
    }
    void look_at_access(uint32_t address, uint32_t bytes, bool store) {
        for (const Watch& watch : watches) {
            if (store ? !watch.stores : !watch.loads) continue;
            if (uint64_t{address} + bytes <= watch.address || uint64_t{watch.address} + watch.bytes <= address) continue;
            const char* const kind = !watch.loads ? "watch:" : watch.stores ? "awatch:" : "rwatch:";
            hit = kind + hex::number(watch.address) + ";";
            return;
        }
    }
    // Another run, to the last place before `here` where this one would have stopped. An access is seen from before it.
    Verdict search(const Core& core) {
        const bool end = moment >= here.moment;
        if (!hit.empty()) found = true, last = {moment - 1, core.cycle}, last_hit = hit;
        if (!end && breakpoints.count(pc)) found = true, last = {moment, core.cycle}, last_hit.clear();
        if (!end) return Verdict::go_on;
        if (!found) last = {0, 0};
        return go_back(last, found ? last_hit : "replaylog:begin;");
    }
    Verdict go_back(const Place& to, const std::string& why) {
        mode = Mode::returning, goal = to, last_hit = why;
        return Verdict::again;
    }
    static void change(Core& core, const Change& made, uint32_t& pc) {
        GdbTarget target(core, pc);
        if (made.number < 0) target.write_memory(made.address, made.bytes);
        else target.write_register(made.number, made.address);
        pc = target.pc;
    }
    void change(Core& core, const Change& made) { change(core, made, pc); }
    void make(Core& core, int number, uint32_t address, const std::string& bytes) {
        changes.push_back({moment, core.cycle, number, address, bytes});
        changed = changes.size();
        change(core, changes.back());
    }

    Verdict serve(Core& core);
    bool resume(Core& core, const std::string& packet, Verdict& verdict);
    void answer(Core& core, const std::string& packet);
    std::string query(const std::string& packet) const;
    std::string point(Core& core, const std::string& packet);
    std::string write(Core& core, const std::string& packet);
};

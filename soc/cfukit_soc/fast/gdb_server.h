// The packets of gdb while the program stands still.
#pragma once
#include <cinttypes>

#include "debugger.h"

inline Debugger::Verdict Debugger::serve(Core& core) {
    std::string packet;
    while (line.packet(packet)) {
        Verdict verdict = Verdict::go_on;
        if (resume(core, packet, verdict)) return verdict;
        answer(core, packet);
    }
    return Verdict::killed;
}

// Whether the packet makes the program run, or end.
inline bool Debugger::resume(Core& core, const std::string& packet, Verdict& verdict) {
    const bool back = packet == "bs" || packet == "bc";
    const char kind = packet.empty() ? '?' : packet[0];
    if (kind == 'k' || packet.compare(0, 6, "vKill;") == 0) {
        if (kind != 'k') line.send("OK");
        verdict = Verdict::killed;
        return true;
    }
    if (kind == 'D') {
        line.send("OK");
        for (const auto& each : breakpoints) core.icache.stop_at(each.first, false);
        breakpoints.clear(), watches.clear(), new_points = true;
        mode = Mode::detached;
        return true;
    }
    if (back && reversible) {
        here = {moment, core.cycle}, found = false, mode = Mode::searching;
        verdict = Verdict::again;
        if (packet == "bs") verdict = go_back({moment ? moment - 1 : 0, core.cycle}, moment ? "" : "replaylog:begin;");
        return true;
    }
    if (kind != 'c' && kind != 's' && kind != 'C' && kind != 'S') return false;
    mode = kind == 's' || kind == 'S' ? Mode::stepping : Mode::running;
    leaves = true;
    return true;
}

inline void Debugger::answer(Core& core, const std::string& packet) {
    const GdbTarget target(core, pc);
    std::string reply;
    uint32_t address = 0, bytes = 0;
    unsigned number = 0;
    switch (packet.empty() ? 0 : packet[0]) {
    case '?': reply = "S05"; break;
    case 'g': reply = target.read_registers(); break;
    case 'p':
        number = static_cast<unsigned>(std::strtoul(packet.c_str() + 1, nullptr, 16));
        reply = number < 1000 ? target.read_register(static_cast<int>(number)) : "";
        if (reply.empty()) reply = "E01";
        break;
    case 'm':
        if (std::sscanf(packet.c_str(), "m%" SCNx32 ",%" SCNx32, &address, &bytes) == 2) {
            reply = target.read_memory(address, std::min(bytes, 0x1000u));
        }
        if (reply.empty()) reply = "E01";
        break;
    case 'P':
    case 'M':
    case 'X': reply = write(core, packet); break;
    case 'z':
    case 'Z': reply = point(core, packet); break;
    case 'H':
    case 'T': reply = "OK"; break;
    case 'q': reply = query(packet); break;
    case 'Q':
        if (packet == "QStartNoAckMode") {
            line.send("OK");
            line.stop_acknowledging();
            return;
        }
        break;
    default: break;  // an empty reply: not supported
    }
    line.send(reply);
}

inline std::string Debugger::query(const std::string& packet) const {
    static const std::string description = GdbTarget::description();
    const auto begins = [&](const char* with) { return packet.compare(0, std::strlen(with), with) == 0; };
    if (begins("qSupported")) {
        const std::string features = "PacketSize=2000;qXfer:features:read+;QStartNoAckMode+;swbreak-;hwbreak-";
        return reversible ? features + ";ReverseStep+;ReverseContinue+" : features;
    }
    if (begins("qXfer:features:read:target.xml:")) {
        unsigned offset = 0, bytes = 0;
        if (std::sscanf(packet.c_str() + std::strlen("qXfer:features:read:target.xml:"), "%x,%x", &offset, &bytes) != 2) return "E01";
        if (offset >= description.size()) return "l";
        const std::string part = description.substr(offset, bytes);
        return (offset + part.size() < description.size() ? "m" : "l") + part;
    }
    if (packet == "qAttached") return "0";  // gdb ends the run when it ends
    if (packet == "qC") return "QC1";
    if (packet == "qfThreadInfo") return "m1";
    if (packet == "qsThreadInfo") return "l";
    return "";
}

// "Z0,ADDRESS,KIND" and so on. Kinds 0 and 1 stop at an instruction; 2, 3 and 4 behind a store, a load, and both.
inline std::string Debugger::point(Core& core, const std::string& packet) {
    uint32_t address = 0, bytes = 0;
    unsigned kind = 0;
    if (std::sscanf(packet.c_str() + 1, "%x,%" SCNx32 ",%" SCNx32, &kind, &address, &bytes) != 3) return "E01";
    const bool set = packet[0] == 'Z';
    if (kind > 4) return "";
    if (kind < 2) {
        int& count = breakpoints[address];
        count += set ? 1 : -1;
        const bool stops = count > 0;
        if (!stops) breakpoints.erase(address);
        core.icache.stop_at(address, stops);
        return "OK";
    }
    new_points = true;
    const Watch wanted{address, std::max(bytes, 1u), kind != 2, kind != 3};
    const auto same = [&](const Watch& each) {
        return each.address == wanted.address && each.bytes == wanted.bytes && each.loads == wanted.loads && each.stores == wanted.stores;
    };
    const auto place = std::find_if(watches.begin(), watches.end(), same);
    if (set) watches.push_back(wanted);
    else if (place != watches.end()) watches.erase(place);
    return "OK";
}

// "P NUMBER=VALUE", "M ADDRESS,BYTES:DATA" in hexadecimal digits, "X ADDRESS,BYTES:DATA" as it is.
inline std::string Debugger::write(Core& core, const std::string& packet) {
    if (over) return "E02";
    const size_t equals = packet.find('='), colon = packet.find(':');
    if (packet[0] == 'P') {
        const int number = static_cast<int>(std::strtoul(packet.c_str() + 1, nullptr, 16) & 0xFFFF);
        if (equals == std::string::npos || !GdbTarget::can_write(number) || GdbTarget(core, pc).is_busy()) return "E01";
        uint32_t value = 0;
        const std::string bytes = hex::bytes(packet.substr(equals + 1));
        if (bytes.size() != sizeof value) return "E01";
        std::memcpy(&value, bytes.data(), sizeof value);
        make(core, number, value, "");
        return "OK";
    }
    uint32_t address = 0, count = 0;
    if (colon == std::string::npos || std::sscanf(packet.c_str() + 1, "%" SCNx32 ",%" SCNx32, &address, &count) != 2) return "E01";
    std::string bytes = packet.substr(colon + 1);
    if (packet[0] == 'M') {
        bytes = hex::bytes(bytes);
    } else {
        std::string plain;
        for (size_t n = 0; n < bytes.size(); n++) {
            const bool escaped = bytes[n] == '}' && n + 1 < bytes.size();
            plain += escaped ? static_cast<char>(bytes[++n] ^ 0x20) : bytes[n];
        }
        bytes = plain;
    }
    if (bytes.size() != count || !GdbTarget(core, pc).has(address, count)) return "E01";
    if (count) make(core, -1, address, bytes);
    return "OK";
}

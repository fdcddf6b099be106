// Packets of gdb's remote serial protocol over a socket: "$DATA#CHECKSUM". Numbers in them are hexadecimal.
#pragma once
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "words.h"

namespace hex {
inline void append(std::string& text, uint8_t byte) {
    static const char* const digits = "0123456789abcdef";
    text += digits[byte >> 4], text += digits[byte & 15];
}
// A value as it lies in memory, the low byte first.
inline void append(std::string& text, uint64_t value, int bytes) {
    for (int n = 0; n < bytes; n++) append(text, static_cast<uint8_t>(value >> (8 * n)));
}
inline std::string number(uint64_t value) {
    char text[20];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
    return text;
}
// Whether two digits, and nothing else, are this number.
inline bool is(const std::string& digits, uint8_t number) {
    std::string wanted, given;
    append(wanted, number);
    for (const char digit : digits) given += static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
    return given == wanted;
}
inline std::string bytes(const std::string& text) {
    std::string found;
    for (size_t n = 0; n + 1 < text.size(); n += 2) found += static_cast<char>(std::strtoul(text.substr(n, 2).c_str(), nullptr, 16));
    return found;
}
}  // namespace hex

class GdbLine {
    const int socket;
    std::string arrived, sent;
    bool acknowledges = true, closed = false;

    static int accepted(int listener) {
        int connection;
        do connection = ::accept(listener, nullptr, nullptr);
        while (connection < 0 && errno == EINTR);
        if (connection < 0) fail("no connection", "gdb");
        ::close(listener);
        const int on = 1;
        ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return connection;
    }
    // Waits for more, unless `flags` say otherwise. False if nothing came.
    bool receive(int flags) {
        char block[4096];
        ssize_t count;
        do count = ::recv(socket, block, sizeof block, flags);
        while (count < 0 && errno == EINTR);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) closed = true;
        if (count <= 0) return false;
        arrived.append(block, static_cast<size_t>(count));
        return true;
    }
    void write(const std::string& text) {
        for (size_t done = 0; done < text.size() && !closed;) {
            const ssize_t count = ::send(socket, text.data() + done, text.size() - done, MSG_NOSIGNAL);
            if (count > 0) done += static_cast<size_t>(count);
            else if (errno != EINTR) closed = true;
        }
    }
    static uint8_t sum(const std::string& data) {
        uint8_t total = 0;
        for (const char each : data) total = static_cast<uint8_t>(total + static_cast<uint8_t>(each));
        return total;
    }

public:
    static constexpr char INTERRUPT = 3;

    explicit GdbLine(int listener) : socket(accepted(listener)) {}
    ~GdbLine() { ::close(socket); }
    GdbLine(const GdbLine&) = delete;
    GdbLine& operator=(const GdbLine&) = delete;

    bool is_closed() const { return closed; }
    void stop_acknowledging() { acknowledges = false; }
    void send(const std::string& data) {
        sent = "$" + data + "#";
        hex::append(sent, sum(data));
        write(sent);
    }
    // The next packet's data; false at the end of the connection.
    bool packet(std::string& data) {
        for (;;) {
            // Before a packet stand acknowledgements: '-' asks for the last reply again.
            const size_t first = std::min(arrived.find('$'), arrived.size());
            if (acknowledges && arrived.find('-') < first) write(sent);
            arrived.erase(0, first);
            const size_t end = arrived.find('#');
            if (end != std::string::npos && end + 2 < arrived.size()) {
                const size_t begin = arrived.rfind('$', end) + 1;  // of the last one, if the end of another was lost
                data = arrived.substr(begin, end - begin);
                const bool whole = hex::is(arrived.substr(end + 1, 2), sum(data));
                arrived.erase(0, end + 3);
                if (acknowledges) write(whole ? "+" : "-");
                if (whole) return true;
                continue;
            }
            if (!receive(0) && closed) return false;
        }
    }
    // Whether gdb wants the program to stop, which runs meanwhile. True too when the connection has ended.
    bool interrupts() {
        while (receive(MSG_DONTWAIT)) {
        }
        const size_t found = arrived.find(INTERRUPT);
        if (found != std::string::npos) arrived.erase(0, found + 1);
        return closed || found != std::string::npos;
    }
};

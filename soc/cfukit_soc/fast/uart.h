// LiteX's UART on a stream of whole bytes, register by register. `step` is one clock edge.
#pragma once
#include "line.h"

// The process has one: several runs in it share their input and output.
inline Line& serial_line() {
    static Line line;
    return line;
}

class Uart {
    static constexpr int DEPTH = 16;
    struct Fifo {  // with a register behind it
        uint8_t bytes[DEPTH] = {};
        int level = 0, produce = 0, consume = 0;
        bool readable = false;
        uint8_t out = 0;
        bool writable() const { return level != DEPTH; }
        void step(bool write, uint8_t byte, bool read) {
            const bool refill = level != 0 && (!readable || read);
            const bool stored = write && writable();
            if (refill) {
                out = bytes[consume];
                consume = (consume + 1) % DEPTH;
                readable = true;
            } else if (read) {
                readable = false;
            }
            if (stored) {
                bytes[produce] = byte;
                produce = (produce + 1) % DEPTH;
            }
            level += static_cast<int>(stored) - static_cast<int>(refill);
        }
    };
    Fifo tx, rx;
    bool tx_pending = false, rx_pending = false, tx_trigger = false, rx_trigger = false;
    bool clear = false;        // `pending` was written in the cycle before
    uint8_t clear_bits = 0, enable = 0;
    uint64_t now = 0;          // the cycle whose edge comes next
    int quiet = 0;             // edges since the last access

public:
    Line& line = serial_line();
    enum Register { rxtx, txfull, rxempty, ev_status, ev_pending, ev_enable, txempty, rxfull };

    bool interrupt() const { return (tx_pending && (enable & 1)) || (rx_pending && (enable & 2)); }
    bool can_interrupt() const { return enable != 0; }
    bool settled() const { return quiet > 64; }

    // To the beginning of `cycle`. Some time after an access nothing changes any more.
    void advance(uint64_t cycle) {
        while (now < cycle) {
            if (quiet > 64) {
                now = cycle;
                return;
            }
            step(false, 0);
        }
    }
    // In the cycle up to which it was advanced.
    uint32_t read(Register which) const {
        switch (which) {
        case rxtx: return rx.out;
        case txfull: return !tx.writable();
        case rxempty: return !rx.readable;
        case ev_status: return static_cast<uint32_t>(tx.writable()) | static_cast<uint32_t>(rx.readable) << 1;
        case ev_pending: return static_cast<uint32_t>(tx_pending) | static_cast<uint32_t>(rx_pending) << 1;
        case ev_enable: return enable;
        case txempty: return !tx.readable;
        default: return !rx.writable();
        }
    }
    // Takes this cycle's edge.
    void write(Register which, uint32_t value) {
        quiet = 0;
        step(which == rxtx, static_cast<uint8_t>(value));
        quiet = 0;
        if (which == ev_pending) clear = true, clear_bits = value & 3;
        if (which == ev_enable) enable = value & 3;
    }

private:
    void step(bool put, uint8_t byte) {
        now++;
        quiet++;
        if (tx.readable) line.put(tx.out);
        const bool clear_tx = clear && (clear_bits & 1), clear_rx = clear && (clear_bits & 2);
        const bool tx_now = tx.writable(), rx_now = rx.readable;
        const bool input = line.has_input();
        const bool taken = input && rx.writable();
        const uint8_t next = input ? line.next_input() : 0;
        if (clear_tx) tx_pending = false;
        if (tx_now && !tx_trigger) tx_pending = true;
        if (clear_rx) rx_pending = false;
        if (rx_now && !rx_trigger) rx_pending = true;
        tx_trigger = tx_now, rx_trigger = rx_now;
        clear = false;
        tx.step(put, byte, true);
        rx.step(input, next, clear_rx);
        if (taken) line.take_input();
    }
};

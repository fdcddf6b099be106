// A serial line at pin level: the UART of the bitstreams (serial.v), and the other side bit by bit, with a rate of its own and spikes.
// Words: RATE (1.02: the host is 2 % slower), SPIKES per million clocks on either pin, SEED, file descriptors from and to the device;
// 0 is from the host, 1 to it.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>

#include "VSerial.h"
#include "verilated.h"

struct Queue : std::deque<uint8_t> {
    bool ended = false;
    void fill(int handle) {
        uint8_t block[4096];
        const ssize_t count = ::read(handle, block, sizeof block);
        if (count > 0) insert(end(), block, block + count);
        if (count == 0) ended = true;
    }
    uint8_t take() {
        const uint8_t byte = front();
        pop_front();
        return byte;
    }
};

static void put(int handle, uint8_t byte) {
    if (::write(handle, &byte, 1) != 1) std::exit(0);
}

int main(int, char** words) {
    const double period = DIVISOR * std::atof(words[1]), spikes = std::atof(words[2]) / 1e6;
    std::mt19937 random(std::atoi(words[3]));
    std::uniform_real_distribution<double> dice;
    const int device_in = std::atoi(words[4]), device_out = std::atoi(words[5]);
    for (int handle : {0, device_in}) ::fcntl(handle, F_SETFL, ::fcntl(handle, F_GETFL) | O_NONBLOCK);
    VSerial uart;
    Queue from_host, from_device;
    double sending_at = 0, receiving_at = -1;  // clocks since the byte began; below 0: no byte
    unsigned sending = 1, received = 0, bits = 0;
    bool idle = true;
    uart.rx = 1, uart.take_ready = 1, uart.reset = 1;
    for (uint64_t clock = 0;; clock++) {
        if (clock == 4) uart.reset = 0;
        if (clock % 256 == 0) {
            from_host.fill(0), from_device.fill(device_in);
            if (from_host.ended || from_device.ended) return 0;
        }
        // The host's transmitter: start bit, 8 data bits, stop bit.
        if (idle && !from_host.empty()) sending = 0x200u | (unsigned)from_host.take() << 1, sending_at = 0, idle = false;
        if (!idle) {
            const unsigned bit = (unsigned)(sending_at / period);
            uart.rx = sending >> bit & 1;
            sending_at += 1;
            idle = sending_at >= 10 * period;
        } else {
            uart.rx = 1;
        }
        if (spikes > 0 && dice(random) < spikes) uart.rx = !uart.rx;
        uart.send_valid = !from_device.empty();
        if (uart.send_valid) uart.send_data = from_device.front();
        uart.eval();
        const bool sent = uart.send_valid && uart.send_ready && !uart.reset;
        // The host's receiver: in the middle of each bit.
        const bool tx = uart.tx != (spikes > 0 && dice(random) < spikes);
        if (receiving_at < 0) {
            if (!tx && clock > 8) receiving_at = 0, received = 0, bits = 0;
        } else {
            receiving_at += 1;
            if (receiving_at >= (bits + 1.5) * period) {
                received |= (unsigned)tx << bits;
                if (++bits == 9) {
                    if (tx) put(1, received & 0xFF);
                    receiving_at = -1;
                }
            }
        }
        uart.clk = 1;
        uart.eval();
        if (uart.take_valid) put(device_out, uart.take_data);
        uart.clk = 0;
        uart.eval();
        if (sent) from_device.pop_front();
        if (idle && from_host.empty() && from_device.empty() && receiving_at < 0 && uart.send_ready && clock > 8) {
            pollfd waits[] = {{0, POLLIN, 0}, {device_in, POLLIN, 0}};
            if (clock % 64 == 0) ::poll(waits, 2, 1);
        }
    }
}

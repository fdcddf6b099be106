// The verilated CFU as the shared library that Renode loads for `SimulationFilePathLinux`. It needs no file of Renode: the five
// exported functions are the whole interface, which has not changed since 1.13.0. Renode's own helper holds cmd_valid until the
// response, so that a pipelined CFU gets a command twice; here it goes away as soon as the command is accepted.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include "VCfu.h"
#include "verilated.h"

enum { OK = 0, FAIL = 1, TIMEOUT = 2 };
enum { TICK_CLOCK = 1, RESET_PERIPHERAL = 4 };

// {int32 action, uint64 address, uint64 data}: 20 bytes up to 1.15.3. 1.16 appends an int32, which we never touch.
static constexpr size_t REQUEST_BYTES = 20;

static constexpr uint64_t PATIENCE_CYCLES = 1'000'000;  // unless CFUKIT_RENODE_PATIENCE says otherwise
static constexpr int RESET_CYCLES = 2;

namespace {

// Thrown where a $stop, a $fatal or a combinational loop in the Verilog would end the process, which is Renode.
struct Stopped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

uint64_t patience() {
    const char* const given = std::getenv("CFUKIT_RENODE_PATIENCE");
    return given && *given ? std::strtoull(given, nullptr, 10) : PATIENCE_CYCLES;
}

class Device {
    VerilatedContext context;
    std::unique_ptr<VCfu> cfu{new VCfu{&context, "cfu"}};
    bool broken = false;  // a response that comes now may belong to an earlier command

public:
    void tick() {
        cfu->clk = 1;
        cfu->eval();
        cfu->clk = 0;
        cfu->eval();
    }

    void reset() {
        cfu->cmd_valid = 0;
        cfu->rsp_ready = 1;
        cfu->reset = 1;
        cfu->clk = 0;
        cfu->eval();
        for (int i = 0; i < RESET_CYCLES; i++) tick();
        cfu->reset = 0;
        cfu->eval();
        broken = false;
    }

    // Give one command and clock the CFU until it answers.
    int execute(uint32_t function, uint32_t a, uint32_t b, uint32_t& result) {
        if (broken) return FAIL;
        broken = true;  // until the command has ended well, even if something throws
        cfu->eval();
        if (cfu->rsp_valid) return report("protocol", function, a, b, false), FAIL;
        cfu->cmd_payload_function_id = function;
        cfu->cmd_payload_inputs_0 = a;
        cfu->cmd_payload_inputs_1 = b;
        cfu->cmd_valid = 1;
        bool accepted = false;
        for (uint64_t left = patience(); left; left--) {
            cfu->eval();
            const bool answered = cfu->rsp_valid;
            accepted = accepted || cfu->cmd_ready;
            if (answered && !accepted) return give_up("protocol", function, a, b, false), FAIL;
            if (answered) result = cfu->rsp_payload_outputs_0;
            tick();
            if (accepted) cfu->cmd_valid = 0;
            if (answered) {
                cfu->eval();
                broken = false;
                return OK;
            }
        }
        give_up("time_out", function, a, b, accepted);
        return TIMEOUT;
    }

    void report(const char* kind, uint32_t function, uint32_t a, uint32_t b, bool accepted) {
        std::fprintf(stderr, "cfukit: CFU %s: funct3=%u funct7=%u operands 0x%08x, 0x%08x\n", kind, function & 7, function >> 3, a, b);
        const char* const path = std::getenv("CFUKIT_RENODE_STATUS");
        FILE* const file = path ? std::fopen(path, "a") : nullptr;
        if (!file) return hold();
        std::fprintf(file, "{\"kind\": \"%s\", \"funct3\": %u, \"funct7\": %u, \"a\": %u, \"b\": %u, \"accepted\": %s}\n", kind,
                     function & 7, function >> 3, a, b, accepted ? "true" : "false");
        std::fclose(file);
        hold();
    }

private:
    // After a failed instruction the program would go on with a wrong value. Keep it here until Renode is killed.
    static void hold() {
        if (std::getenv("CFUKIT_RENODE_HOLD"))
            for (;;) pause();
    }

    void give_up(const char* kind, uint32_t function, uint32_t a, uint32_t b, bool accepted) {
        cfu->cmd_valid = 0;
        report(kind, function, a, b, accepted);
    }
};

Device* device = nullptr;
void (*to_renode)(void*) = nullptr;

Device& the_device() {
    if (!device) {
        device = new Device;
        device->reset();
    }
    return *device;
}

[[noreturn]] void stopped(const char* file, int line, const char* why) {
    throw Stopped(std::string(file) + ":" + std::to_string(line) + ": " + why);
}

template <typename Action>
int guarded(Action action) {
    try {
        return action();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cfukit: the CFU's Verilog stopped: %s\n", error.what());
        the_device().report("stopped", 0, 0, 0, false);
        return FAIL;
    }
}

}  // namespace

void vl_fatal(const char* file, int line, const char*, const char* why) { stopped(file, line, why); }
void vl_finish(const char* file, int line, const char*) { stopped(file, line, "$finish"); }
void vl_stop(const char* file, int line, const char*) { stopped(file, line, "$stop"); }

#pragma GCC visibility push(default)  // only these functions are exported
extern "C" {

void initialize_native() {
    delete device;
    device = nullptr;
}

void reset_peripheral() {
    guarded([] { return the_device().reset(), OK; });
}

uint64_t execute(uint32_t function, uint32_t a, uint32_t b, int* error) {
    uint32_t result = 0;
    const int status = guarded([&] { return the_device().execute(function, a, b, result); });
    if (error) *error = status;
    return result;
}

void handle_request(void* request) {
    int32_t action;
    uint64_t data;
    std::memcpy(&action, request, sizeof action);
    std::memcpy(&data, static_cast<char*>(request) + 12, sizeof data);
    if (action == RESET_PERIPHERAL) {
        reset_peripheral();
    } else if (action == TICK_CLOCK) {
        guarded([&] {
            for (uint64_t i = 0; i < data; i++) the_device().tick();
            return OK;
        });
        char answer[2 * REQUEST_BYTES] = {};  // zeros for members that later versions add
        std::memcpy(answer, &action, sizeof action);
        if (to_renode) to_renode(answer);  // Renode waits for the answer
    }
}

void renode_external_attach__ActionIntPtr__HandleSenderMessage(void (*callback)(void*)) { to_renode = callback; }

}  // extern "C"

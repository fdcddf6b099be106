// The words of a simulator's command line, "key=value" with decimal numbers, and how it gives up.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

[[noreturn]] inline void fail(const char* what, const std::string& which) {
    std::fprintf(stderr, "%s: %s: %s\n", which.c_str(), what, std::strerror(errno));
    std::exit(3);  // simulation.py shows stderr
}

struct Word {
    std::string text, key, value;

    explicit Word(const char* given) : text(given) {
        const size_t equals = text.find('=');
        key = text.substr(0, equals);
        value = equals == std::string::npos ? "" : text.substr(equals + 1);
    }
    uint64_t number() const { return std::strtoull(value.c_str(), nullptr, 10); }
    [[noreturn]] void refuse() const {
        std::fprintf(stderr, "unknown option %s\n", text.c_str());
        std::exit(2);
    }
};

// Lines of code as the I$ holds them, decoded. A line keeps what was in memory when it was filled.
#pragma once
#include <cstring>
#include <memory>
#include <set>
#include <unordered_map>

#include "decode.h"
#include "memory.h"

constexpr uint32_t LINE_WORDS = 8, LINE_BYTES = 32;

struct DecodedLine {
    uint32_t words[LINE_WORDS];
    Decoded instructions[LINE_WORDS + 1];  // and the end
};

class InstructionCache {
    const DecodeOptions options;
    std::vector<uint32_t> tags;  // address of the line / 32, or NONE
    std::vector<DecodedLine*> lines;
    // By address, so that a line is decoded once; those whose memory changed live on for what is in the pipeline.
    std::unordered_map<uint32_t, std::unique_ptr<DecodedLine>> decoded;
    std::vector<std::unique_ptr<DecodedLine>> retired;
    size_t next_retired = 0;
    std::set<uint32_t> stops;
    static constexpr uint32_t NONE = UINT32_MAX;
    static constexpr size_t KEPT = 256;

public:
    uint32_t mask;
    explicit InstructionCache(uint32_t bytes, const DecodeOptions& options_)
        : options(options_), tags(std::max(bytes / LINE_BYTES, 1u), NONE), lines(tags.size(), nullptr), retired(KEPT),
          mask(static_cast<uint32_t>(tags.size()) - 1) {}

    void flush() { std::fill(tags.begin(), tags.end(), NONE); }
    // The line with `pc`, or null.
    DecodedLine* find(uint32_t pc) const {
        const uint32_t line = pc / LINE_BYTES;
        return tags[line & mask] == line ? lines[line & mask] : nullptr;
    }
    // What is where that line would be.
    const DecodedLine* in_place_of(uint32_t pc) const { return lines[pc / LINE_BYTES & mask]; }
    Decoded decoded_word(uint32_t word) const { return decode(word, options); }
    // valid: the tag is written too.
    void fill(uint32_t address, const uint32_t* words, bool valid) {
        const uint32_t line = address / LINE_BYTES;
        tags[line & mask] = valid ? line : tags[line & mask];
        lines[line & mask] = line_of(line, words);
    }
    // The decoded line of these words at this place.
    DecodedLine* line_of(uint32_t line, const uint32_t* words) {
        std::unique_ptr<DecodedLine>& place = decoded[line];
        if (place && std::memcmp(place->words, words, sizeof place->words) == 0) return place.get();
        if (place) {
            retired[next_retired] = std::move(place);
            next_retired = (next_retired + 1) % KEPT;
        }
        place = std::make_unique<DecodedLine>();
        std::memcpy(place->words, words, sizeof place->words);
        for (uint32_t n = 0; n < LINE_WORDS; n++) place->instructions[n] = decode(words[n], options);
        place->instructions[LINE_WORDS].fast = Op::line_end;
        const uint32_t first = line * LINE_BYTES;
        for (auto stop = stops.lower_bound(first); stop != stops.end() && *stop - first < LINE_BYTES; ++stop) mark(*stop, true);
        return place.get();
    }
    // The line with `address` is no longer held.
    void forget(uint32_t address) {
        const uint32_t line = address / LINE_BYTES;
        if (tags[line & mask] == line) tags[line & mask] = NONE;
    }
    // The fast path leaves the instruction at `pc` to the core, or no longer.
    void stop_at(uint32_t pc, bool stops_there) {
        if (stops_there) stops.insert(pc);
        else stops.erase(pc);
        mark(pc, stops_there);
    }

private:
    void mark(uint32_t pc, bool stops_there) {
        const auto found = decoded.find(pc / LINE_BYTES);
        if (found == decoded.end() || !found->second) return;
        const uint32_t n = pc / 4 % LINE_WORDS;
        found->second->instructions[n].fast = stops_there ? Op::illegal : decode(found->second->words[n], options).fast;
    }
};

// A CFU that uses its memory port all the time while the CPU works: random reads anywhere, writes to words that the program never
// touches. What it reads is what its own writes and, for the program's words, nobody's promise; every read is answered once, in order.
#pragma once
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

static constexpr uint32_t ROW_WORDS = MEMORY_PORT_BITS / 32, ROW_BYTES = MEMORY_PORT_BITS / 8;

class Traffic {
public:
    // touched: a byte per word of the data TCM, 1 where the program loads or stores; memory: what it holds. level: of 256 cycles so
    // many ask for something.
    Traffic(uint32_t seed, uint32_t level, const std::vector<uint8_t>& touched, const uint32_t* memory)
        : random_(seed), level_(level), touched_(touched), own_(memory, memory + touched.size()) {}

    void drive(Vbench& top) {
        if (!held_) {  // a refused command stays
            wanted_ = random_.next() % 256 < level_;
            we_ = random_.next() & 1;
            // Near the program's words, mostly: rows that have words of both.
            const uint32_t rows = (uint32_t)touched_.size() / ROW_WORDS;
            row_ = random_.next() % rows;
            for (int n = 0; n < 8 && !mixed(row_); n++) row_ = random_.next() % rows;
            mask_ = 0;
            for (uint32_t word = 0; word < ROW_WORDS; word++) {
                data_[word] = random_.next();
                if (!touched_[row_ * ROW_WORDS + word]) mask_ |= (random_.next() & 15) << 4 * word;
            }
        }
        top.m_valid = wanted_;
        top.m_we = we_;
        top.m_addr = row_ * ROW_BYTES;
        top.m_mask = (decltype(top.m_mask))mask_;
        std::memcpy(&top.m_data, data_, ROW_BYTES);
    }

    void see(const Vbench& top) {
        if (top.m_collides || top.m_outside) errors++;
        if (top.m_answers != asked_) errors++;
        if (asked_ && top.m_answers) {
            answers++;
            uint32_t got[ROW_WORDS];
            std::memcpy(got, &top.m_answer, ROW_BYTES);
            for (uint32_t word = 0; word < ROW_WORDS; word++) {
                if (!touched_[asked_row_ * ROW_WORDS + word] && got[word] != expected_[word]) errors++;
            }
        }
        const bool takes = wanted_ && top.m_ready;
        held_ = wanted_ && !top.m_ready;
        refused += held_;
        asked_ = takes && !we_;
        asked_row_ = row_;
        if (asked_) std::memcpy(expected_, &own_[row_ * ROW_WORDS], ROW_BYTES);
        if (takes && we_) {
            writes++;
            for (uint32_t lane = 0; lane < ROW_BYTES; lane++) {
                if (mask_ >> lane & 1) reinterpret_cast<uint8_t*>(&own_[row_ * ROW_WORDS])[lane] = reinterpret_cast<uint8_t*>(data_)[lane];
            }
        }
    }

    // Its own words in the memory at the end; they are put back to what they were, so that the rest can be compared.
    void finish(uint32_t* memory, const std::vector<uint32_t>& before) {
        for (size_t word = 0; word < touched_.size(); word++) {
            if (touched_[word]) continue;
            if (memory[word] != own_[word]) errors++;
            memory[word] = before[word];
        }
    }

    uint64_t errors = 0, answers = 0, writes = 0, refused = 0;

private:
    bool mixed(uint32_t row) const {
        uint32_t count = 0;
        for (uint32_t word = row * ROW_WORDS / 4 * 4; word < (row + 1) * ROW_WORDS + 4 && word < touched_.size(); word++) count += touched_[word];
        return count != 0;
    }
    Random random_;
    uint32_t level_, row_ = 0, mask_ = 0, asked_row_ = 0;
    const std::vector<uint8_t> touched_;
    std::vector<uint32_t> own_;
    uint32_t data_[ROW_WORDS] = {}, expected_[ROW_WORDS] = {};
    bool wanted_ = false, we_ = false, held_ = false, asked_ = false;
};

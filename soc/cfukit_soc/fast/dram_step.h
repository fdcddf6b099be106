// One clock of the DRAM controller: what the banks ask for, what the multiplexer chooses, what the ports ask for, and the edge.
#pragma once
#include "dram.h"

inline uint32_t DramController::step(const DramCommand* commands) {
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
        if (bank.state == Bank::waiting && now >= bank.waits_until) bank.state = bank.then;
        all_granted &= bank.state == Bank::refresh && now >= bank.written;
        const uint32_t bit = 1u << n;
        switch (bank.state) {
        case Bank::regular:
            if (refresh_valid || !bank.current_valid || !bank.open || bank.row != bank.current.row) break;
            (bank.current.write ? is_write : is_read) |= bit;
            break;
        case Bank::precharge:
            if (now >= bank.written && now >= bank.may_precharge) is_command |= bit;
            break;
        case Bank::activate:
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
        case Bank::regular:
            if (refresh_valid) bank.state = Bank::refresh;
            else if (served) {
                if (bank.queued && bank.queue[bank.first].row != bank.current.row) bank.state = Bank::autoprecharge;
            } else if (bank.current_valid) {
                if (!bank.open) bank.state = Bank::activate;
                else if (bank.row != bank.current.row) bank.state = Bank::precharge;
            }
            break;
        case Bank::precharge:
            bank.open = false;
            if (taken & bit) bank.wait(now, p.rp, Bank::activate);
            break;
        case Bank::autoprecharge:
            bank.open = false;
            if (now >= bank.written && now >= bank.may_precharge) bank.wait(now, p.rp, Bank::activate);
            break;
        case Bank::activate:
            if (!(is_command & bit)) break;
            bank.open = true, bank.row = bank.current.row;
            if (!(taken & bit)) break;
            bank.may_precharge = now + p.ras, bank.may_activate = now + p.rc;
            bank.wait(now, p.rcd, Bank::regular);
            break;
        case Bank::refresh:
            bank.open = false;
            if (!refresh_valid) bank.state = Bank::regular;
            break;
        case Bank::waiting: break;
        }
        // Commands
        const bool lock = bank.lock();
        uint32_t requests = 0;
        for (uint32_t port = 0; port < ports; port++) {
            if (valid_ports >> port & 1 && asked[port].bank == n) requests |= 1u << port;
        }
        const bool full = bank.queued == Bank::QUEUE, given = requests >> bank.port & 1;
        const uint32_t port = bank.port;
        if (!given && !lock) bank.port = next_of(bank.port, requests, ports);
        if (!bank.current_valid || served) bank.advance();
        if (given && !full) {
            accepted |= 1u << port;
            bank.push(asked[port].entry);
        }
        busy = bank.lock() || bank.state != Bank::regular ? busy | bit : busy & ~bit;
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

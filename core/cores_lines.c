// SPDX-License-Identifier: MIT
/*
 * Purpose: who has which cache line, and what an access costs. core/cores.h has the idea.
 * Idea:    a table from line to its state, open addressing. A step that others could see waits
 *          until all others have come as far (rv_cores_yield); a hit of a plain access does not.
 */
#include "core/cores.h"

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/check.h"
#include "core/sim.h"

#define WORDS ((RV_SIM_THREADS + 63) / 64)
#define FIRST_SLOTS ((size_t)1 << 16)
#define BUFFER_LINES 8 /* misses that the store buffer hides; the other stores find room */
#define NOBODY UINT16_MAX

struct line {
    uintptr_t at;              /* 0: a free slot */
    int64_t free_ps;           /* until then it is on its way to somebody */
    int64_t queued_ps;
    const void *site;          /* majority vote */
    uint64_t sharers[WORDS];
    uint32_t transfers;
    uint16_t owner;            /* the only one that has it; NOBODY: any of the sharers */
    uint16_t votes;
};

struct rv_cores_costs rv_cores_costs;

static struct {
    struct line *slots;
    size_t count, used;
    struct rv_cores_count total; /* since rv_cores_begin */
    int64_t begun_ps;
} table;

void rv_cores_set_costs(const struct rv_cores_costs *costs)
{
    rv_cores_costs = *costs;
}

void rv_cores_reset_lines(void)
{
    free(table.slots);
    memset(&table, 0, sizeof(table));
    table.count = FIRST_SLOTS;
    table.slots = calloc(table.count, sizeof(*table.slots));
    RV_CHECK(table.slots != NULL, "there is memory for the table of lines");
}

static struct line *slot_of(uintptr_t at)
{
    size_t i = (size_t)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (table.count - 1);

    while (table.slots[i].at != 0 && table.slots[i].at != at)
        i = (i + 1) & (table.count - 1);
    return &table.slots[i];
}

static void grow(void)
{
    struct line *old = table.slots;
    size_t count = table.count;

    table.count *= 2;
    table.slots = calloc(table.count, sizeof(*table.slots));
    RV_CHECK(table.slots != NULL, "there is memory for the table of lines");
    for (size_t i = 0; i < count; i++) {
        if (old[i].at != 0)
            *slot_of(old[i].at) = old[i];
    }
    free(old);
}

static struct line *find(uintptr_t at)
{
    struct line *line = slot_of(at);

    if (line->at != 0)
        return line;
    if (2 * ++table.used > table.count) {
        grow();
        line = slot_of(at);
    }
    line->at = at;
    line->owner = NOBODY;
    return line;
}

static bool has(const struct line *line, unsigned core)
{
    return (line->sharers[core / 64] >> (core % 64) & 1) != 0;
}

static bool is_untouched(const struct line *line)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < WORDS; i++)
        any |= line->sharers[i];
    return any == 0;
}

static bool has_alone(const struct line *line, unsigned core)
{
    if (line->owner == core)
        return true;
    for (unsigned i = 0; i < WORDS; i++) {
        if (line->sharers[i] != (i == core / 64 ? UINT64_C(1) << (core % 64) : 0))
            return false;
    }
    return true;
}

static void vote(struct line *line, const void *site)
{
    if (line->votes == 0)
        line->site = site;
    if (line->site == site)
        line->votes = (uint16_t)(line->votes + (line->votes < UINT16_MAX));
    else
        line->votes--;
}

/* The line comes to the calling core, which wants it from start_ps on. When it is there. */
static int64_t move(struct line *line, int64_t start_ps, bool is_write, const void *site)
{
    unsigned core = rv_cores_clock.core;
    bool was_owned = line->owner != NOBODY;
    int64_t there_ps;

    if (is_untouched(line)) {
        there_ps = start_ps + rv_cores_costs.cold_ps;
        table.total.cold++;
        line->owner = (uint16_t)core;
    } else {
        if (line->free_ps > start_ps) {
            line->queued_ps += line->free_ps - start_ps;
            table.total.queued_ps += line->free_ps - start_ps;
            start_ps = line->free_ps;
        }
        there_ps = start_ps + rv_cores_costs.line_ps;
        if (was_owned || is_write) /* copies of a shared line are handed out side by side */
            line->free_ps = there_ps;
        table.total.transfers++;
        line->transfers++;
        vote(line, site);
        line->owner = NOBODY;
    }
    if (is_write) {
        memset(line->sharers, 0, sizeof(line->sharers));
        line->owner = (uint16_t)core;
    }
    line->sharers[core / 64] |= UINT64_C(1) << (core % 64);
    return there_ps;
}

static void drain(void)
{
    if (rv_cores_clock.drained_ps > rv_cores_clock.now_ps)
        rv_cores_clock.now_ps = rv_cores_clock.drained_ps;
}

/* A store misses: the core goes on unless too many do. */
static void buffer(struct line *line, const void *site)
{
    struct rv_cores_clock *clock = &rv_cores_clock;
    int64_t start_ps = clock->drained_ps > clock->now_ps ? clock->drained_ps : clock->now_ps;

    clock->drained_ps = move(line, start_ps, true, site);
    if (clock->drained_ps - clock->now_ps > BUFFER_LINES * rv_cores_costs.line_ps)
        clock->now_ps = clock->drained_ps - BUFFER_LINES * rv_cores_costs.line_ps;
}

void rv_cores_access(const volatile void *at, enum rv_cores_kind kind, const void *site)
{
    struct rv_cores_clock *clock = &rv_cores_clock;
    uintptr_t line_at = (uintptr_t)at & ~(uintptr_t)(RV_CACHE_LINE - 1);

    if (!clock->is_charged)
        return;
    table.total.accesses++;
    clock->now_ps += rv_cores_costs.hit_ps;
    if (kind == RV_CORES_UPDATE) {
        drain();
        clock->now_ps += rv_cores_costs.rmw_ps;
    }
    struct line *line = find(line_at);
    if (kind == RV_CORES_READ ? has(line, clock->core) : has_alone(line, clock->core)) {
        if (kind != RV_CORES_READ)
            line->owner = (uint16_t)clock->core;
        return;
    }
    if (clock->now_ps > clock->limit_ps) {
        rv_cores_yield();
        line = find(line_at); /* others may have it now, and the table may have grown */
    }
    if (kind == RV_CORES_WRITE)
        buffer(line, site);
    else
        clock->now_ps = move(line, clock->now_ps, kind != RV_CORES_READ, site);
}

void rv_cores_atomic(const volatile void *at, enum rv_cores_kind kind, const void *site)
{
    if (rv_cores_clock.is_charged && rv_cores_clock.now_ps > rv_cores_clock.limit_ps)
        rv_cores_yield();
    rv_cores_access(at, kind, site);
}

void rv_cores_fence(void)
{
    if (!rv_cores_clock.is_charged)
        return;
    drain();
    rv_cores_clock.now_ps += rv_cores_costs.fence_ps;
}

void rv_cores_begin(void)
{
    for (size_t i = 0; i < table.count; i++) {
        table.slots[i].transfers = 0;
        table.slots[i].votes = 0;
        table.slots[i].queued_ps = 0;
    }
    memset(&table.total, 0, sizeof(table.total));
    rv_cores_take_calls(&table.total);
    table.begun_ps = rv_cores_clock.now_ps;
}

void rv_cores_end(struct rv_cores_count *count)
{
    struct rv_cores_count before = table.total;

    rv_cores_take_calls(count);
    before.calls = count->calls - before.calls;
    before.wakes = count->wakes - before.wakes;
    before.barriers = count->barriers - before.barriers;
    *count = before;
    count->elapsed_ps = rv_cores_clock.now_ps - table.begun_ps;
}

void rv_cores_each_line(void (*visit)(const struct rv_cores_line *line, void *ctx), void *ctx)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct line *line = &table.slots[i];
        if (line->at != 0 && line->transfers > 0) {
            visit(&(struct rv_cores_line){line->at, line->transfers, line->queued_ps, line->site},
                  ctx);
        }
    }
}

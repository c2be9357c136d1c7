// SPDX-License-Identifier: MIT
/*
 * Purpose: data races, uses after free and leaks, on every plain access.
 *
 * Idea: the library's sources and the models are compiled with -fsanitize=thread, which puts a call
 * before each plain access that others could see; but they are linked with the functions below
 * instead of the sanitizer. Each granule of eight bytes remembers its last accesses: which
 * bytes, by whom, at which of the thread's steps. Two accesses, one a write, not both atomic, are a
 * race unless the view of the later one contains the step of the earlier. Memory comes from an
 * arena in which nothing is used twice in an execution; what is freed counts as written.
 *
 * Threads: one of the operating system.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1024 * 1024)
#define UNIT        16u
#define MAX_BLOCKS  4000u
#define GRANULES    65536u
#define RECORDS     8u

struct record {
    uint8_t mask;
    uint8_t thread;
    bool is_write, is_atomic;
    int16_t step;
    const void *pc;
};

static struct granule {
    uintptr_t at;
    uint64_t stamp;
    unsigned next; /* which record to give up when all are in use */
    unsigned count;
    struct record records[RECORDS];
} granules[GRANULES];

static struct block {
    size_t offset, bytes;
    bool is_freed;
} blocks[MAX_BLOCKS];

static _Alignas(64) unsigned char arena[ARENA_BYTES];
static uint16_t block_at[ARENA_BYTES / UNIT]; /* 0: none, else index + 1 */
static size_t arena_used;
static unsigned block_count;
static uint64_t stamp;

void rv_shadow_reset(void)
{
    memset(block_at, 0, arena_used / UNIT * sizeof block_at[0] + sizeof block_at[0]);
    arena_used = 0;
    block_count = 0;
    stamp++;
}

static struct granule *granule_of(uintptr_t at)
{
    uintptr_t key = at >> 3;
    unsigned i = (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 48) % GRANULES;
    while (granules[i].stamp == stamp && granules[i].at != key) {
        i = (i + 1) % GRANULES;
    }
    struct granule *g = &granules[i];
    if (g->stamp != stamp) {
        g->stamp = stamp;
        g->at = key;
        g->count = 0;
        g->next = 0;
    }
    return g;
}

static RV_COLD void report_race(const struct record *old, const struct record *new, uintptr_t at)
{
    rv_engine_suspect("data race at %p: thread %u %s%s (%s%p), thread %u %s%s (%s%p)", (void *)at,
                  old->thread, old->is_atomic ? "atomic " : "", old->is_write ? "write" : "read",
                  old->is_atomic ? (const char *)old->pc : "pc ", old->is_atomic ? NULL : old->pc,
                  new->thread, new->is_atomic ? "atomic " : "", new->is_write ? "write" : "read",
                  new->is_atomic ? (const char *)new->pc : "pc ", new->is_atomic ? NULL : new->pc);
}

static void record_access(struct granule *g, const struct record *new)
{
    const struct rv_view *now = &rv_engine_thread()->now;
    unsigned kept = 0;
    for (unsigned i = 0; i < g->count; i++) {
        struct record *old = &g->records[i];
        bool is_ordered = old->thread == new->thread || old->step <= now->at[old->thread];
        if ((old->mask & new->mask) != 0 && !is_ordered && (old->is_write || new->is_write) &&
            !(old->is_atomic && new->is_atomic)) {
            report_race(old, new, g->at << 3);
        }
        /* Whoever races with the old one races with the new one too. */
        bool is_covered = is_ordered && (old->mask & ~new->mask) == 0 &&
                          (new->is_write || !old->is_write) && (!new->is_atomic || old->is_atomic);
        if (!is_covered) {
            g->records[kept++] = *old;
        }
    }
    g->count = kept;
    if (kept == RECORDS) {
        g->records[g->next++ % RECORDS] = *new;
    } else {
        g->records[g->count++] = *new;
    }
}

static void check_lives(uintptr_t at, size_t bytes)
{
    uintptr_t low = (uintptr_t)arena;
    if (at < low || at >= low + ARENA_BYTES) {
        return;
    }
    unsigned i = block_at[(at - low) / UNIT];
    if (i == 0 || at + bytes > low + blocks[i - 1].offset + blocks[i - 1].bytes) {
        rv_model_fail("access outside of any block at %p", (void *)at);
    }
    if (blocks[i - 1].is_freed) {
        rv_model_fail("use after free of block %u (%zu bytes, offset %zu)", i,
                      blocks[i - 1].bytes, (size_t)(at - low) - blocks[i - 1].offset);
    }
}

void rv_shadow_access(uintptr_t at, size_t bytes, bool is_write, bool is_atomic, const void *pc)
{
    const struct rv_model_thread *t = rv_engine_thread();
    if (rv_engine.has_failed) {
        return;
    }
    check_lives(at, bytes);
    while (bytes > 0) {
        unsigned from = (unsigned)(at & 7);
        unsigned n = bytes < 8 - from ? (unsigned)bytes : 8 - from;
        const struct record new = {
            .mask = (uint8_t)(((1u << n) - 1) << from),
            .thread = (uint8_t)rv_engine.current,
            .is_write = is_write,
            .is_atomic = is_atomic,
            .step = t->now.at[rv_engine.current],
            .pc = pc,
        };
        record_access(granule_of(at), &new);
        at += n;
        bytes -= n;
    }
}

static void plain(const void *at, size_t bytes, bool is_write, const void *pc)
{
    rv_shadow_access((uintptr_t)at, bytes, is_write, false, pc);
    if (is_write) {
        rv_memory_overwritten((uintptr_t)at, bytes);
    }
}

void *rv_model_aligned_alloc(size_t alignment, size_t bytes)
{
    size_t offset = (arena_used + alignment - 1) / alignment * alignment;
    size_t units = (bytes + UNIT - 1) / UNIT;
    if (offset + (units + 1) * UNIT > ARENA_BYTES || block_count == MAX_BLOCKS) {
        rv_model_fail("the model's memory is used up");
    }
    blocks[block_count++] = (struct block){.offset = offset, .bytes = bytes};
    for (size_t i = 0; i < units; i++) {
        block_at[offset / UNIT + i] = (uint16_t)block_count;
    }
    arena_used = offset + (units + 1) * UNIT; /* a unit that belongs to nobody behind each */
    memset(arena + offset, 0xa5, bytes);
    plain(arena + offset, bytes, true, __builtin_return_address(0));
    return arena + offset;
}

void *rv_model_malloc(size_t bytes)
{
    return rv_model_aligned_alloc(UNIT, bytes == 0 ? 1 : bytes);
}

void *rv_model_calloc(size_t n, size_t bytes)
{
    return memset(rv_model_malloc(n * bytes), 0, n * bytes);
}

void rv_model_free(void *block)
{
    if (block == NULL) {
        return;
    }
    size_t offset = (size_t)((unsigned char *)block - arena);
    unsigned i = block_at[offset / UNIT];
    if (i == 0 || blocks[i - 1].offset != offset || blocks[i - 1].is_freed) {
        rv_model_fail("free of what is no block, or not any more");
    }
    plain(block, blocks[i - 1].bytes, true, __builtin_return_address(0));
    blocks[i - 1].is_freed = true;
    memset(block, 0xdd, blocks[i - 1].bytes);
}

void *rv_model_realloc(void *old, size_t bytes)
{
    void *new = rv_model_malloc(bytes);
    if (old != NULL) {
        size_t had = blocks[block_at[(size_t)((unsigned char *)old - arena) / UNIT] - 1].bytes;
        memcpy(new, old, had < bytes ? had : bytes);
        rv_model_free(old);
    }
    return new;
}

void rv_model_fill(void *at, int byte, size_t bytes)
{
    memset(at, byte, bytes);
}

void rv_shadow_check_leaks(void)
{
    for (unsigned i = 0; i < block_count; i++) {
        if (!blocks[i].is_freed) {
            rv_model_fail("block %u of %zu bytes is never freed", i + 1, blocks[i].bytes);
        }
    }
}

/* What the compiler calls. */
#define RV_HOOK(bytes)                                                             \
    void __tsan_read##bytes(void *at);                                             \
    void __tsan_write##bytes(void *at);                                            \
    void __tsan_unaligned_read##bytes(void *at);                                   \
    void __tsan_unaligned_write##bytes(void *at);                                  \
    void __tsan_read##bytes(void *at)                                              \
    {                                                                              \
        plain(at, bytes, false, __builtin_return_address(0));                      \
    }                                                                              \
    void __tsan_write##bytes(void *at)                                             \
    {                                                                              \
        plain(at, bytes, true, __builtin_return_address(0));                       \
    }                                                                              \
    void __tsan_unaligned_read##bytes(void *at)                                    \
    {                                                                              \
        plain(at, bytes, false, __builtin_return_address(0));                      \
    }                                                                              \
    void __tsan_unaligned_write##bytes(void *at)                                   \
    {                                                                              \
        plain(at, bytes, true, __builtin_return_address(0));                       \
    }

RV_HOOK(1)
RV_HOOK(2)
RV_HOOK(4)
RV_HOOK(8)
RV_HOOK(16)

void __tsan_init(void);
void __tsan_read_range(const void *at, size_t bytes);
void __tsan_write_range(const void *at, size_t bytes);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void *pc);

void __tsan_init(void)
{
}

void __tsan_read_range(const void *at, size_t bytes)
{
    plain(at, bytes, false, __builtin_return_address(0));
}

void __tsan_write_range(const void *at, size_t bytes)
{
    plain(at, bytes, true, __builtin_return_address(0));
}

void __tsan_func_entry(void *pc)
{
    (void)pc;
}

void __tsan_func_exit(void *pc)
{
    (void)pc;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: atomics as C11 has them: a load may read any store that nothing forbids.
 *
 * Idea: each location keeps all its stores in the order they were made, which is its modification
 * order. A thread carries a view: for each location the oldest store it may still read, for each
 * thread the steps that happened before. A store carries a view too, for those who acquire it:
 *
 *     store relaxed   what the thread knew at its last release fence
 *     store release   what it knows now
 *     update          that, and what the store it replaces carried (the release sequence)
 *     load acquire    joins the store's view; a relaxed load keeps it for an acquire fence
 *     full fence      joins the view that all full fences share, and becomes it
 *     seq_cst access  reads nothing older than the last seq_cst access of the location or a
 *                     fence before it made visible, and counts as the last from then on
 *
 * A relaxed load may also read ahead, where a model allows it (ahead.c).
 * Rejected, so not found: modification orders other than that of the execution; reading ahead
 * everywhere. x86-64 does neither.
 * Source: C11 5.1.2.4 and 7.17.3; Kang et al.: A promising semantics, POPL 2017 (views).
 */
#include "engine.h"
#include "rv_model_atomic.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STORES 24000
#define HASH_SIZE  4096u

struct store {
    uint64_t value;
    struct rv_view view;
};

struct location {
    uintptr_t at;
    size_t bytes;
    unsigned shared_slot;
    bool is_overwritten;  /* by a plain write: its value is in memory */
    int16_t floor;        /* the first store after a plain write: nobody reads older ones */
    int16_t count;
    int16_t capacity;
    unsigned *stores;     /* indexes into the pool, oldest first; kept between executions */
};

static struct store *pool;
static unsigned pool_used;
static struct location locations[RV_VIEW_LOCATIONS];
static unsigned location_count;

/* From address to location, in this execution. */
static struct hash_slot {
    uintptr_t at;
    uint64_t stamp;
    unsigned index;
} slots[HASH_SIZE];
static uint64_t stamp;

/* Who has used an address, in all executions of a model: the unshared need no choice. */
static struct shared_slot {
    uintptr_t at;
    unsigned user; /* 0: nobody */
    bool is_shared;
} shared[HASH_SIZE];

void rv_memory_reset(void)
{
    rv_ahead_reset();
    if (pool == NULL) {
        pool = malloc(MAX_STORES * sizeof *pool);
    }
    pool_used = 0;
    location_count = 0;
    stamp++;
}

void rv_memory_forget_shared(void)
{
    memset(shared, 0, sizeof shared);
    rv_ahead_forget();
}

static unsigned hash(uintptr_t at)
{
    return (unsigned)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 52) % HASH_SIZE;
}

static unsigned find_shared(uintptr_t at)
{
    unsigned i = hash(at);
    while (shared[i].at != at && shared[i].at != 0) {
        i = (i + 1) % HASH_SIZE;
    }
    shared[i].at = at;
    return i;
}

static struct location *look_up(uintptr_t at, struct hash_slot **slot)
{
    unsigned i = hash(at);
    while (slots[i].stamp == stamp && slots[i].at != at) {
        i = (i + 1) % HASH_SIZE;
    }
    *slot = &slots[i];
    return slots[i].stamp == stamp ? &locations[slots[i].index] : NULL;
}

static unsigned index_of(const struct location *l)
{
    return RV_MODEL_THREADS + (unsigned)(l - locations);
}

static struct store *append(struct location *l, uint64_t value)
{
    if (pool_used == MAX_STORES || l->count == INT16_MAX) {
        rv_model_fail("livelock: too many stores");
    }
    if (l->count == l->capacity) {
        l->capacity = (int16_t)(l->capacity == 0 ? 16 : l->capacity * 2);
        l->stores = realloc(l->stores, (size_t)l->capacity * sizeof *l->stores);
    }
    struct store *s = &pool[pool_used];
    l->stores[l->count++] = pool_used++;
    s->value = value;
    return s;
}

static uint64_t read_memory(uintptr_t at, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, (const void *)at, bytes);
    return value;
}

static struct location *make(uintptr_t at, size_t bytes, struct hash_slot *slot)
{
    if (location_count == RV_VIEW_LOCATIONS) {
        rv_model_fail("a model has at most %d atomic locations", RV_VIEW_LOCATIONS);
    }
    struct location *l = &locations[location_count];
    *slot = (struct hash_slot){at, stamp, location_count++};
    l->at = at;
    l->bytes = bytes;
    l->shared_slot = find_shared(at);
    l->is_overwritten = true;
    l->floor = 0;
    l->count = 0;
    return l;
}

/* What a plain write has put there, for everybody: whoever may look at all, is ordered after it. */
static void take_over(struct location *l)
{
    l->is_overwritten = false;
    l->floor = l->count;
    memset(&append(l, read_memory(l->at, l->bytes))->view, 0, sizeof(struct rv_view));
}

static void note_user(struct location *l)
{
    struct shared_slot *s = &shared[l->shared_slot];
    if (rv_engine.current == 0 || s->is_shared || s->user == rv_engine.current) {
        return;
    }
    if (s->user == 0) {
        s->user = rv_engine.current;
    } else {
        s->is_shared = true;
        rv_engine.is_newly_shared = true;
    }
}

/* Each access begins here; another thread may go first. */
static struct location *begin(uintptr_t at, size_t bytes, const char *site, bool is_write)
{
    struct hash_slot *slot;
    rv_engine_step();
    if (rv_engine.explore != RV_EXPLORE_ALL || shared[find_shared(at)].is_shared) {
        rv_model_point(site);
    }
    rv_shadow_access(at, bytes, is_write, true, site);
    struct location *l = look_up(at, &slot);
    if (l == NULL) {
        l = make(at, bytes, slot);
    }
    if (l->bytes != bytes) {
        rv_model_fail("%s: an atomic is used with two sizes", site);
    }
    if (l->is_overwritten) {
        take_over(l);
    }
    note_user(l);
    return l;
}

void rv_memory_overwritten(uintptr_t at, size_t bytes)
{
    struct hash_slot *slot;
    for (uintptr_t a = at & ~(uintptr_t)3; a < at + bytes; a += 4) {
        struct location *l = look_up(a, &slot);
        if (l != NULL && l->at + l->bytes > at) {
            l->is_overwritten = true;
        }
    }
}

uint64_t rv_memory_newest(const void *at, size_t bytes)
{
    return read_memory((uintptr_t)at, bytes);
}

static const struct store *store_at(const struct location *l, int i)
{
    return &pool[l->stores[i]];
}

static void note_read(struct location *l, int which, unsigned order)
{
    struct rv_model_thread *t = rv_engine_thread();
    const struct store *s = store_at(l, which);
    unsigned i = index_of(l);
    t->writes_seen = rv_engine.writes - rv_engine.writes_by[rv_engine.current];
    t->is_fresh = false;
    t->now.at[i] = (int16_t)(which > t->now.at[i] ? which : t->now.at[i]);
    if (order & RV_PRIM_ACQUIRE) {
        rv_view_join(&t->now, &s->view);
    } else {
        rv_view_join(&t->acquired, &s->view);
    }
    if (order == RV_PRIM_SEQ_CST) {
        int16_t *last = &rv_engine.ordered.at[i];
        *last = (int16_t)(which > *last ? which : *last);
    }
}

/* The oldest store a load of that order may read. */
static int oldest(const struct location *l, unsigned order)
{
    unsigned i = index_of(l);
    int at = rv_engine_thread()->now.at[i];
    at = at > l->floor ? at : l->floor;
    if (order == RV_PRIM_SEQ_CST && rv_engine.ordered.at[i] > at) {
        at = rv_engine.ordered.at[i];
    }
    return at;
}

static int choose_store(const struct location *l, unsigned order)
{
    int newest = l->count - 1;
    int n = newest - oldest(l, order) + 1;
    if (n <= 1 || rv_engine_thread()->is_fresh || !rv_explore_may_be_stale()) {
        return newest;
    }
    unsigned back = rv_explore_choose(RV_CHOICE_STORE, (unsigned)n);
    rv_engine.stale += back != 0;
    return newest - (int)back;
}

uint64_t rv_model_load(const void *at, size_t bytes, const char *site, unsigned order)
{
    struct location *l = begin((uintptr_t)at, bytes, site, false);
    uint64_t ahead;
    if (order == RV_PRIM_RELAXED && rv_ahead_load(l->at, &ahead)) {
        rv_trace_note("load ahead", at, ahead, site);
        return ahead;
    }
    int which = choose_store(l, order);
    uint64_t value = store_at(l, which)->value;
    note_read(l, which, order);
    rv_trace_note(which == l->count - 1 ? "load" : "load stale", at, value, site);
    return value;
}

/* A store of that order; `replaced` is what an update has read, or NULL. */
static void put(struct location *l, uint64_t value, unsigned order, const struct store *replaced)
{
    struct rv_model_thread *t = rv_engine_thread();
    unsigned i = index_of(l);
    struct store *s = append(l, value);
    t->now.at[i] = (int16_t)(l->count - 1);
    s->view = order & RV_PRIM_RELEASE ? t->now : t->released;
    s->view.at[i] = (int16_t)(l->count - 1);
    if (replaced != NULL) {
        rv_view_join(&s->view, &replaced->view);
    }
    if (order == RV_PRIM_SEQ_CST) {
        rv_engine.ordered.at[i] = (int16_t)(l->count - 1);
    }
    memcpy((void *)l->at, &value, l->bytes);
    rv_ahead_store(l->at, value);
    rv_engine_tick(t);
    rv_engine.writes++;
    rv_engine.writes_by[rv_engine.current]++;
    rv_engine.stalls = 0;
}

void rv_model_store(void *at, size_t bytes, const char *site, uint64_t value, unsigned order)
{
    put(begin((uintptr_t)at, bytes, site, true), value, order, NULL);
    rv_trace_note("store", at, value, site);
}

static uint64_t apply(enum rv_model_op op, uint64_t old, uint64_t value)
{
    switch (op) {
    case RV_MODEL_SWAP:
        return value;
    case RV_MODEL_ADD:
        return old + value;
    case RV_MODEL_SUB:
        return old - value;
    case RV_MODEL_OR:
        return old | value;
    case RV_MODEL_AND:
        return old & value;
    }
    RV_UNREACHABLE();
}

uint64_t rv_model_update(void *at, size_t bytes, const char *site, enum rv_model_op op,
                         uint64_t value, unsigned order)
{
    struct location *l = begin((uintptr_t)at, bytes, site, true);
    const struct store *old = store_at(l, l->count - 1);
    uint64_t mask = bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (bytes * 8)) - 1;
    uint64_t next = apply(op, old->value, value) & mask;
    note_read(l, l->count - 1, order);
    put(l, next, order, old);
    rv_trace_note("update", at, next, site);
    return old->value;
}

/* A failed exchange is a load, which may read an older value, as long as it is not the expected. */
static int choose_failure(struct location *l, uint64_t expected, unsigned order, bool is_weak)
{
    int newest = l->count - 1;
    int first = oldest(l, order);
    int found[16];
    unsigned n = 0;
    found[n++] = newest;
    if (rv_engine_thread()->is_fresh || !rv_explore_may_be_stale()) {
        return newest;
    }
    if (is_weak && store_at(l, newest)->value == expected) {
        found[n++] = newest;
    }
    for (int i = newest - 1; i >= first && n < RV_ARRAY_LEN(found); i--) {
        if (store_at(l, i)->value != expected) {
            found[n++] = i;
        }
    }
    unsigned chosen = rv_explore_choose(RV_CHOICE_STORE, n);
    rv_engine.stale += chosen != 0;
    return chosen == 0 ? newest : -1 - found[chosen];
}

bool rv_model_cas(void *at, size_t bytes, const char *site, void *expected, uint64_t desired,
                  unsigned orders)
{
    unsigned success = orders & 0xff;
    unsigned failure = orders >> 8 & 0xff;
    struct location *l = begin((uintptr_t)at, bytes, site, true);
    uint64_t wanted = read_memory((uintptr_t)expected, bytes);
    int which = choose_failure(l, wanted, failure, orders >> 16 != 0);
    const struct store *s = store_at(l, which < 0 ? -1 - which : which);
    if (which >= 0 && s->value == wanted) {
        note_read(l, which, success);
        put(l, desired, success, s);
        rv_trace_note("exchange", at, desired, site);
        return true;
    }
    uint64_t value = s->value;
    note_read(l, which < 0 ? -1 - which : which, failure);
    memcpy(expected, &value, bytes);
    rv_trace_note("exchange fails", at, value, site);
    return false;
}

void rv_model_fence(unsigned order, const char *site)
{
    struct rv_model_thread *t = rv_engine_thread();
    rv_engine_step();
    if (order == RV_PRIM_SEQ_CST) {
        rv_model_point(site);
        rv_engine_full_fence(t);
    } else if (order == RV_PRIM_ACQUIRE) {
        rv_view_join(&t->now, &t->acquired);
    } else {
        t->released = t->now;
        rv_engine_tick(t);
    }
    rv_trace_note("fence", NULL, order, site);
}

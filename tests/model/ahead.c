// SPDX-License-Identifier: MIT
/*
 * Purpose: loads that read what another thread stores later in the execution.
 *
 * Idea: nothing in C11 keeps a relaxed load before a later store of its thread, and processors
 * other than x86 swap the two. Where a model allows it, a load is offered the values that were
 * stored at the address in the executions drawn first. One that reads ahead makes a promise: the
 * execution counts only if another thread then stores that value, and nothing has ordered the load
 * before that store. What fails meanwhile is a suspicion until all promises are kept.
 *
 * Threads: one of the operating system.
 */
#include "engine.h"

#define MAX_LEARNT 4u
#define MAX_EARLY  4u

/* What was stored at an address that may be read ahead, in the executions drawn first. */
static struct learnt {
    uintptr_t at;
    unsigned n;
    uint64_t values[MAX_LEARNT];
} learnt[64];
static unsigned learnt_count;

static struct range {
    uintptr_t from, to;
} ranges[4];
static unsigned range_count;

/* Loads of this execution that have read ahead. */
static struct early {
    uintptr_t at;
    uint64_t value;
    unsigned thread;
    int16_t step;
    bool is_stored;
} early[MAX_EARLY];
static unsigned early_count, early_open;

void rv_model_read_ahead(const void *from, size_t bytes)
{
    if (range_count < RV_ARRAY_LEN(ranges)) {
        ranges[range_count++] = (struct range){(uintptr_t)from, (uintptr_t)from + bytes};
    }
}

bool rv_ahead_is_open(void)
{
    return early_open > 0;
}

static bool may_read_ahead(uintptr_t at)
{
    for (unsigned i = 0; i < range_count; i++) {
        if (at >= ranges[i].from && at < ranges[i].to) {
            return true;
        }
    }
    return false;
}

static struct learnt *find_learnt(uintptr_t at)
{
    for (unsigned i = 0; i < learnt_count; i++) {
        if (learnt[i].at == at) {
            return &learnt[i];
        }
    }
    if (learnt_count == RV_ARRAY_LEN(learnt)) {
        return NULL;
    }
    learnt[learnt_count] = (struct learnt){.at = at};
    return &learnt[learnt_count++];
}

static void learn(uintptr_t at, uint64_t value)
{
    struct learnt *l = may_read_ahead(at) ? find_learnt(at) : NULL;
    for (unsigned i = 0; l != NULL && i < l->n; i++) {
        if (l->values[i] == value) {
            return;
        }
    }
    if (l != NULL && l->n < MAX_LEARNT) {
        l->values[l->n++] = value;
    }
}

/* A store: what was read ahead of it has been right, unless the load came before it by order. */
static void keep_promises(uintptr_t at, uint64_t value)
{
    const struct rv_view *now = &rv_engine_thread()->now;
    for (unsigned i = 0; i < early_count; i++) {
        struct early *e = &early[i];
        if (!e->is_stored && e->at == at && e->value == value && e->thread != rv_engine.current &&
            now->at[e->thread] < e->step) {
            e->is_stored = true;
            if (--early_open == 0) {
                rv_engine_confirm();
            }
        }
    }
}

void rv_ahead_store(uintptr_t at, uint64_t value)
{
    keep_promises(at, value);
    if (rv_engine.is_learning) {
        learn(at, value);
    }
}

/* Before each execution. */
void rv_ahead_reset(void)
{
    range_count = 0;
    early_count = 0;
    early_open = 0;
}

/* Before each model. */
void rv_ahead_forget(void)
{
    learnt_count = 0;
}

bool rv_ahead_load(uintptr_t at, uint64_t *value)
{
    if (rv_engine.is_learning || rv_engine.current == 0 || early_count == MAX_EARLY ||
        !may_read_ahead(at) || !rv_explore_may_be_stale()) {
        return false;
    }
    const struct learnt *known = find_learnt(at);
    unsigned chosen = known == NULL ? 0 : rv_explore_choose(RV_CHOICE_OTHER, known->n + 1);
    if (chosen == 0) {
        return false;
    }
    rv_engine.stale++;
    *value = known->values[chosen - 1];
    early[early_count++] = (struct early){.at = at,
                                          .value = *value,
                                          .thread = rv_engine.current,
                                          .step = rv_engine_thread()->now.at[rv_engine.current]};
    early_open++;
    return true;
}

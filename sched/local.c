// SPDX-License-Identifier: MIT
/*
 * Purpose: task-local values, inherited like asyncio's context variables.
 *
 * Idea: a key is a number, given at its first use by any task of the process; a task's values are
 * an array indexed by it. A child gets a copy at creation, so neither sees what the other sets.
 *
 * Owner: each task its array; values are borrowed.
 * Threads: the task itself; its parent at creation.
 */
#include "sched/local.h"

#include "core/atomic.h"
#include "core/check.h"
#include "sched/current.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <rove/sync.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rv_local_map {
    uint32_t capacity;
    void *values[]; /* of key k at k - 1 */
};

#define RV_LOCAL_CAPACITY_MIN 6 /* a map of 56 bytes, one malloc class; arbitrary */

RV_ATOMIC(uint32_t) rv_local_last_key; /* process-wide: a static key may serve several runtimes */

/* The public field is a plain word, so that headers stay C++: the only place to touch it. */
static RV_ATOMIC(uint32_t) *key_word(rove_local *key)
{
    return (RV_ATOMIC(uint32_t) *)(void *)&key->key_;
}

/* The key's number, from 1; 0 if it was never used. */
static uint32_t read_key(rove_local *key)
{
    return rv_load_relaxed(key_word(key));
}

/* The same, given now if need be. Two first uses at once agree; a number may be left unused. */
static uint32_t claim_key(rove_local *key)
{
    uint32_t number = read_key(key);
    if (number != 0) {
        return number;
    }
    uint32_t fresh = rv_fetch_add_relaxed(&rv_local_last_key, 1u) + 1;
    return rv_cas_relaxed(key_word(key), &number, fresh) ? fresh : number;
}

static struct rv_local_map *grow(struct rv_local_map *map, uint32_t number)
{
    uint32_t old = map == NULL ? 0 : map->capacity;
    uint32_t capacity = old == 0 ? RV_LOCAL_CAPACITY_MIN : old;
    while (capacity < number) {
        capacity *= 2;
    }
    struct rv_local_map *grown = realloc(map, sizeof(*map) + capacity * sizeof(void *));
    if (grown != NULL) {
        memset(&grown->values[old], 0, (capacity - old) * sizeof(void *));
        grown->capacity = capacity;
    }
    return grown;
}

void *rove_local_get(rove_local *key)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL || key == NULL || self->locals == NULL) {
        return NULL;
    }
    uint32_t number = read_key(key);
    bool is_set = number != 0 && number <= self->locals->capacity;
    return is_set ? self->locals->values[number - 1] : NULL;
}

int rove_local_set(rove_local *key, void *value)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (key == NULL) {
        return -EINVAL;
    }
    uint32_t number = claim_key(key);
    if (self->locals == NULL || self->locals->capacity < number) {
        struct rv_local_map *grown = grow(self->locals, number);
        if (grown == NULL) {
            return -ENOMEM;
        }
        self->locals = grown;
    }
    self->locals->values[number - 1] = value;
    return 0;
}

static int copy(const struct rv_local_map *from, struct rv_local_map **to)
{
    size_t bytes = from == NULL ? 0 : sizeof(*from) + from->capacity * sizeof(void *);
    *to = from == NULL ? NULL : malloc(bytes);
    if (*to != NULL) {
        memcpy(*to, from, bytes);
    }
    return from != NULL && *to == NULL ? -ENOMEM : 0;
}

int rv_locals_copy(struct rv_task *child, const struct rv_task *parent)
{
    RV_ASSERT(child->locals == NULL, "a new task has no values yet");
    return copy(parent->locals, &child->locals);
}

/* The task that runs here, hidden or not. */
static struct rv_task *running(void)
{
    struct rv_worker *w = rv_current_worker();
    return w == NULL ? NULL : rv_load_relaxed(&w->current);
}

int rv_locals_keep(struct rv_local_map **map)
{
    const struct rv_task *self = running();
    return copy(self == NULL ? NULL : self->locals, map);
}

void rv_locals_assume(struct rv_local_map *map)
{
    struct rv_task *self = running();
    if (self != NULL && (self->future.flags & RV_TASK_HIDDEN) != 0) {
        rv_locals_free(self);
        self->locals = map;
    } else {
        rv_locals_drop(map); /* in place, for want of memory */
    }
}

void rv_locals_drop(struct rv_local_map *map)
{
    free(map);
}

void rv_locals_free(struct rv_task *t)
{
    free(t->locals);
    t->locals = NULL;
}

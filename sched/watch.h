// SPDX-License-Identifier: MIT
/*
 * Purpose: workers look after each other: what waits behind a step that takes too long is rescued.
 */
#ifndef RV_SCHED_WATCH_H
#define RV_SCHED_WATCH_H

#include "core/atomic.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

struct rove_runtime;
struct rv_worker;

struct rv_watch {
    struct rv_lock lock;             /* held for a whole look; try-lock only */
    uint64_t *seen;                  /* each worker's step count at the last look */
    int64_t *stuck_ns;               /* debug mode: still since then; 0: it moved, -1: said */
    RV_ATOMIC(int64_t) interval_ns;  /* between looks of an idle watcher */
    RV_ATOMIC(int64_t) looked_ns;    /* when the last look was */
};

int rv_watch_init(struct rv_watch *watch, unsigned worker_count);
void rv_watch_fini(struct rv_watch *watch);

/* A worker at its look around: a look if the last one is a while ago. How many tasks it got. */
unsigned rv_watch_poll(struct rv_worker *self, int64_t now_ns);
/* An announced sleeper: until when it may sleep. While others are awake one sleeper wakes early. */
int64_t rv_watch_begin(struct rv_worker *self, int64_t now_ns, int64_t deadline_ns);
/*
 * Owner, after it left something behind that only it would look at (a timer, an entry for the
 * kernel): when others sleep and nobody watches, it goes through its loop before the next task, and
 * there hands over what it can.
 */
void rv_watch_left_behind(struct rv_worker *self);
/* Owner, about to run a task: is it on its own, with sleepers that nobody woke to watch? */
bool rv_watch_is_off(const struct rv_worker *self);
/* A worker that stops searching to run a task: should a sleeper be woken to watch? */
bool rv_watch_is_needed(struct rv_worker *self);
/* Back from the sleep. */
void rv_watch_end(struct rv_worker *self);

#endif

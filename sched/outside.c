// SPDX-License-Identifier: MIT
/*
 * Purpose: plain threads that sleep in the library. outside.h has the idea.
 */
#include "sched/outside.h"

#include "core/lock.h"
#include "core/os.h"

static RV_ATOMIC(uint32_t) watchers; /* runtimes that look for deadlocks */
static struct rv_lock lock;          /* guards what follows; taken last of all locks */
static struct rv_list sleepers = {&sleepers, &sleepers};
static uint64_t changes;

void rv_outside_watch(void)
{
    rv_fetch_add_relaxed(&watchers, 1u);
}

void rv_outside_unwatch(void)
{
    rv_fetch_sub_relaxed(&watchers, 1u);
}

bool rv_outside_enter(struct rv_outsider *o, const struct rv_waiter *cell)
{
    if (rv_load_relaxed(&watchers) == 0) {
        return false;
    }
    *o = (struct rv_outsider){.cell = cell, .tid = rv_os_gettid()};
    rv_list_init(&o->link);
    rv_lock_acquire(&lock);
    rv_list_push_back(&sleepers, &o->link);
    changes++;
    rv_lock_release(&lock);
    return true;
}

void rv_outside_leave(struct rv_outsider *o)
{
    rv_lock_acquire(&lock);
    rv_list_remove(&o->link);
    changes++;
    rv_lock_release(&lock);
}

uint64_t rv_outside_changes(void)
{
    rv_lock_acquire(&lock);
    uint64_t n = changes;
    rv_lock_release(&lock);
    return n;
}

static bool is_asleep(pid_t tid)
{
    RV_LIST_FOR_EACH(link, &sleepers) {
        const struct rv_outsider *o = rv_container_of(link, struct rv_outsider, link);
        if (o->tid == tid) {
            return !rv_waiter_is_fired(o->cell);
        }
    }
    return false;
}

void rv_outside_strike(pid_t tids[], size_t n)
{
    rv_lock_acquire(&lock);
    for (size_t i = 0; i < n; i++) {
        tids[i] = is_asleep(tids[i]) ? 0 : tids[i];
    }
    rv_lock_release(&lock);
}

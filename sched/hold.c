// SPDX-License-Identifier: MIT
/*
 * Purpose: records of held mutexes, in debug mode. hold.h has the idea.
 */
#include "sched/hold.h"

#include "core/clock.h"
#include "core/list.h"
#include "core/lock.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/timer.h"

#include <stdlib.h>
#include <syslog.h>

/* Freed by who takes it out of the list, or by the hidden task if that is under way then. */
struct hold {
    struct rv_list link; /* guarded by the lock, as the flags are */
    struct rv_timer timer;
    const void *mutex; /* an address, not followed */
    struct rove_runtime *runtime;
    uint64_t task_id;
    int64_t since_ns;
    bool is_due;    /* the timer has fired */
    bool is_told;   /* the hidden task is under way */
    bool is_orphan; /* out of the list, and nobody but the hidden task knows it */
};

static struct rv_lock lock;
static struct rv_list held = {&held, &held}; /* the newest first */

static int tell(void *ctx, void **result)
{
    struct hold *h = ctx;
    (void)result;
    rv_runtime_log(h->runtime, LOG_WARNING,
                   "mutex %p has been held for %lld ms by task %llu, and still is", h->mutex,
                   (long long)((rv_clock_now() - h->since_ns) / 1000000),
                   (unsigned long long)h->task_id);
    rv_lock_acquire(&lock);
    bool is_orphan = h->is_orphan;
    h->is_told = false;
    rv_lock_release(&lock);
    if (is_orphan) {
        free(h);
    }
    return 0;
}

static void set_told(struct hold *h, bool is_told)
{
    rv_lock_acquire(&lock);
    h->is_due = true;
    h->is_told = is_told;
    rv_lock_release(&lock);
}

/* Under the lock of the timers, so that give_back waits for it. */
static void become_due(struct rv_timer *timer)
{
    struct hold *h = rv_container_of(timer, struct hold, timer);
    set_told(h, true);
    if (rv_task_run_hidden(h->runtime, tell, h) < 0) {
        set_told(h, false);
    }
}

void rv_hold_begin(const void *mutex, const struct rv_task *self, int64_t since_ns)
{
    struct hold *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return;
    }
    h->mutex = mutex;
    h->runtime = self->runtime;
    h->task_id = self->id;
    h->since_ns = since_ns;
    rv_list_init(&h->link);
    rv_heap_node_init(&h->timer.node);
    if (rv_timer_arm(&h->timer, rv_clock_add(since_ns, RV_HOLD_LONG_NS), become_due) < 0) {
        free(h);
        return;
    }
    rv_lock_acquire(&lock);
    rv_list_push_front(&held, &h->link);
    rv_lock_release(&lock);
}

/* The newest of a mutex, as it may lie where another was forgotten; or (mutex NULL) any of a
 * runtime. Out of the list; NULL: there is none. */
static struct hold *take(const void *mutex, const struct rove_runtime *runtime)
{
    struct hold *found = NULL;
    rv_lock_acquire(&lock);
    RV_LIST_FOR_EACH(link, &held) {
        struct hold *h = rv_container_of(link, struct hold, link);
        if (mutex != NULL ? h->mutex == mutex : h->runtime == runtime) {
            rv_list_remove(link);
            found = h;
            break;
        }
    }
    rv_lock_release(&lock);
    return found;
}

/* It has been taken. */
static void give_back(struct hold *h)
{
    (void)rv_timer_disarm(&h->timer); /* and if it fires, that is over */
    rv_lock_acquire(&lock);
    bool is_told = h->is_told;
    h->is_orphan = true;
    rv_lock_release(&lock);
    if (!is_told) {
        free(h);
    }
}

void rv_hold_end(const void *mutex)
{
    struct hold *h = take(mutex, NULL);
    if (h != NULL) {
        give_back(h);
    }
}

size_t rv_hold_timers(const struct rove_runtime *runtime)
{
    size_t n = 0;
    rv_lock_acquire(&lock);
    RV_LIST_FOR_EACH(link, &held) {
        const struct hold *h = rv_container_of(link, struct hold, link);
        n += h->runtime == runtime && !h->is_due;
    }
    rv_lock_release(&lock);
    return n;
}

void rv_hold_report_leaks(struct rove_runtime *runtime)
{
    struct hold *h;
    while ((h = take(NULL, runtime)) != NULL) {
        rv_runtime_log(runtime, LOG_WARNING, "mutex %p was never unlocked by task %llu", h->mutex,
                       (unsigned long long)h->task_id);
        give_back(h);
    }
}

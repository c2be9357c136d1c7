// SPDX-License-Identifier: MIT
/*
 * Purpose: done callbacks of futures.
 *
 * Idea: a list under the future's lock. Completion, or the first addition after it, starts one
 * hidden task (of the runtime that added the callback) which calls those that are there, in the
 * order added, and then wakes the waiters. What they add is due in the next round: another hidden
 * task's, so that others run in between. `is_draining` says that such a task is on its way.
 * On the only worker of a runtime the waiters may be woken at once: they queue behind that task, in
 * the same round, as in asyncio.
 *
 * Owner: the list owns the records; the hidden task holds a reference to the future.
 */
#include "sched/callback.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/local.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>

struct rv_callback {
    struct rv_callback *next;
    rove_done_callback *fn;
    void *ctx;
    struct rove_runtime *runtime;
    struct rv_local_map *locals; /* of who added it, for tasks that it makes */
    bool is_due; /* it was there when the hidden task began */
};

/* Those that are there now are this round's. */
static void begin_round(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    for (struct rv_callback *c = f->callbacks; c != NULL; c = c->next) {
        c->is_due = true;
    }
    rv_lock_release(&f->lock);
}

/* The first of this round; NULL: that was all, and *next is whose runtime has the next round, or
 * NULL. */
static struct rv_callback *take_first(struct rove_future *f, struct rove_runtime **next)
{
    rv_lock_acquire(&f->lock);
    struct rv_callback *c = f->callbacks;
    *next = c == NULL ? NULL : c->runtime;
    if (c == NULL) {
        f->is_draining = 0;
    } else if (c->is_due) {
        f->callbacks = c->next;
    } else {
        c = NULL;
    }
    rv_lock_release(&f->lock);
    return c;
}

/* After the callbacks of the completion, which left the waking to them; not after later ones: the
 * waiters' cells are gone by then. */
static void wake_once(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    bool is_mine = (rv_load_relaxed(&f->state) & RV_STATE_CALLBACKS) != 0 && !f->has_woken;
    f->has_woken = 1;
    rv_lock_release(&f->lock);
    if (is_mine) {
        rv_future_wake_waiters(f);
    }
}

static void start_round(struct rove_future *f, struct rove_runtime *runtime);

static int run_round(void *arg, RV_UNUSED void **result)
{
    struct rove_future *f = arg;
    struct rove_runtime *next;
    struct rv_callback *c;
    begin_round(f);
    while ((c = take_first(f, &next)) != NULL) {
        rv_locals_assume(c->locals);
        c->fn(f, c->ctx);
        free(c);
    }
    wake_once(f);
    if (next != NULL) {
        start_round(f, next);
    }
    rove_release(f);
    return 0;
}

/* is_draining is set and the first callback is there. Out of memory: in place, rather than
 * never. */
static void start_round(struct rove_future *f, struct rove_runtime *runtime)
{
    rove_retain(f);
    if (rv_task_run_hidden(runtime, run_round, f) < 0) {
        run_round(f, NULL);
    }
}

void rv_callback_run_all(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    struct rove_runtime *runtime = f->callbacks == NULL ? NULL : f->callbacks->runtime;
    bool is_draining = f->is_draining; /* for one added since: it takes the earlier ones too */
    if (runtime != NULL) {
        f->is_draining = 1;
    }
    rv_lock_release(&f->lock);
    if (is_draining) {
        return;
    }
    if (runtime != NULL) {
        start_round(f, runtime);
    }
    struct rv_worker *w = rv_current_worker();
    bool is_in_line = w != NULL && w->runtime == runtime && runtime->worker_count == 1 &&
                      rv_future_is_awaited_at_home(f, runtime);
    if (runtime == NULL || is_in_line) { /* no callback is left, or they will have run first */
        wake_once(f);
    }
}

void rv_callback_drop_all(struct rove_future *f)
{
    while (f->callbacks != NULL) {
        struct rv_callback *c = f->callbacks;
        f->callbacks = c->next;
        rv_locals_drop(c->locals);
        free(c);
    }
}

int rove_add_done_callback(rove_future *f, rove_done_callback *cb, void *ctx)
{
    struct rv_worker *w = rv_current_worker();
    if (w == NULL) {
        return -EPERM;
    }
    if (f == NULL || cb == NULL) {
        return -EINVAL;
    }
    struct rv_callback *c = malloc(sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    *c = (struct rv_callback){.fn = cb, .ctx = ctx, .runtime = w->runtime};
    if (rv_locals_keep(&c->locals) < 0) {
        free(c);
        return -ENOMEM;
    }
    rv_lock_acquire(&f->lock);
    struct rv_callback **end = &f->callbacks;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = c;
    bool is_done = !rv_state_announce(&f->state, RV_STATE_CALLBACKS);
    bool is_mine = is_done && !f->is_draining;
    if (is_mine) {
        f->is_draining = 1;
    }
    rv_lock_release(&f->lock);
    if (is_mine) {
        start_round(f, w->runtime);
    }
    return 0;
}

int rove_remove_done_callback(rove_future *f, rove_done_callback *cb, void *ctx)
{
    if (rv_current_worker() == NULL) {
        return -EPERM;
    }
    if (f == NULL || cb == NULL) {
        return -EINVAL;
    }
    int n = 0;
    struct rv_callback *removed = NULL;
    rv_lock_acquire(&f->lock);
    for (struct rv_callback **at = &f->callbacks; *at != NULL;) {
        struct rv_callback *c = *at;
        if (c->fn == cb && c->ctx == ctx) {
            *at = c->next;
            c->next = removed;
            removed = c;
            n++;
        } else {
            at = &c->next;
        }
    }
    rv_lock_release(&f->lock);
    while (removed != NULL) {
        struct rv_callback *c = removed;
        removed = c->next;
        rv_locals_drop(c->locals);
        free(c);
    }
    return n;
}

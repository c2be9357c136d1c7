// SPDX-License-Identifier: MIT
/*
 * Purpose: done callbacks of futures.
 *
 * Idea: a list under the future's lock. Completion, or the first addition after it, starts one
 * hidden task (of the runtime that added the callback) which calls those that are there, in the
 * order added, and then wakes the waiters. What they add is due in the next round: another hidden
 * task's, so that others run in between. `is_draining` says that such a task is on its way.
 * A future may outlive a runtime, and be completed from elsewhere: that runtime's callbacks are
 * dropped then. (asyncio says that the loop is closed, and runs none either.)
 * On the only worker of a runtime the waiters may be woken at once: they queue behind that task, in
 * the same round, as in asyncio.
 *
 * Owner: the list owns the records; it is circular, and named by its last. The hidden task holds a
 * reference to the future.
 */
#include "sched/callback.h"

#include "core/check.h"
#include "sched/call.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/local.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>

struct rv_callback {
    struct rv_callback *next; /* the last one's: the first */
    rove_done_callback *fn;
    void *ctx;
    struct rv_calls *calls;      /* of the runtime that is to call it; retained */
    struct rv_local_map *locals; /* of who added it, for tasks that it makes */
    bool is_due; /* it was there when the hidden task began */
};

static void free_record(struct rv_callback *c)
{
    rv_calls_release(c->calls);
    free(c);
}

static void drop_record(struct rv_callback *c)
{
    rv_locals_drop(c->locals);
    free_record(c);
}

/* f->lock held, and so for the next three. NULL: none. */
static struct rv_callback *first_of(const struct rove_future *f)
{
    return f->callbacks == NULL ? NULL : f->callbacks->next;
}

static void append(struct rove_future *f, struct rv_callback *c)
{
    struct rv_callback *last = f->callbacks;
    c->next = last == NULL ? c : last->next;
    if (last != NULL) {
        last->next = c;
    }
    f->callbacks = c;
}

static struct rv_callback *pop(struct rove_future *f)
{
    struct rv_callback *c = f->callbacks->next;
    if (c == f->callbacks) {
        f->callbacks = NULL;
    } else {
        f->callbacks->next = c->next;
    }
    return c;
}

/* Whose turn it is; retained. NULL: nobody's, and the draining is over. */
static struct rv_calls *whose_turn(struct rove_future *f)
{
    const struct rv_callback *c = first_of(f);
    if (c == NULL) {
        f->is_draining = 0;
        return NULL;
    }
    return rv_calls_retain(c->calls);
}

/* Those that are there now are this round's. */
static void begin_round(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    struct rv_callback *last = f->callbacks;
    for (struct rv_callback *c = first_of(f); c != NULL; c = c == last ? NULL : c->next) {
        c->is_due = true;
    }
    rv_lock_release(&f->lock);
}

/* The first of this round; NULL: that was all, and *next is whose runtime has the next round,
 * retained, or NULL. */
static struct rv_callback *take_first(struct rove_future *f, struct rv_calls **next)
{
    rv_lock_acquire(&f->lock);
    struct rv_callback *c = first_of(f);
    c = c != NULL && c->is_due ? pop(f) : NULL;
    *next = c == NULL ? whose_turn(f) : NULL;
    rv_lock_release(&f->lock);
    return c;
}

/* After the callbacks of the completion, which left the waking to them; not after later ones: the
 * waiters' cells are gone by then. True: the caller owes it. */
static bool claim_waking(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    bool is_mine = (rv_load_relaxed(&f->state) & RV_STATE_CALLBACKS) != 0 && !f->has_woken;
    f->has_woken = 1;
    rv_lock_release(&f->lock);
    return is_mine;
}

static bool start_round(struct rove_future *f, struct rv_calls *calls);

static int run_round(void *arg, RV_UNUSED void **result)
{
    struct rove_future *f = arg;
    struct rv_calls *next;
    struct rv_callback *c;
    begin_round(f);
    while ((c = take_first(f, &next)) != NULL) {
        rv_locals_assume(c->locals);
        c->fn(f, c->ctx);
        free_record(c);
    }
    if (claim_waking(f)) {
        rv_future_wake_waiters(f);
    }
    if (next != NULL) {
        (void)start_round(f, next); /* they are awake */
    }
    rove_release(f);
    return 0;
}

/* The runtime whose turn it is has ended: without its callbacks. As whose_turn. */
static struct rv_calls *skip(struct rove_future *f, const struct rv_calls *gone)
{
    struct rv_callback *dropped = NULL;
    struct rv_callback *c;
    rv_lock_acquire(&f->lock);
    while ((c = first_of(f)) != NULL && c->calls == gone) {
        (void)pop(f);
        c->next = dropped;
        dropped = c;
    }
    struct rv_calls *next = whose_turn(f);
    rv_lock_release(&f->lock);
    while ((c = dropped) != NULL) {
        dropped = c->next;
        drop_record(c);
    }
    return next;
}

/* is_draining is set, and it is the turn of `calls`, which is given away. Out of memory: in place,
 * rather than never. True: no callback is left, and the caller owes the waking. */
static bool start_round(struct rove_future *f, struct rv_calls *calls)
{
    bool is_mine = false;
    while (calls != NULL) {
        struct rv_calls *next = NULL;
        rove_retain(f);
        int rc = rv_calls_run_hidden(calls, run_round, f);
        if (rc == -ESHUTDOWN) {
            next = skip(f, calls);
            is_mine = next == NULL && claim_waking(f);
            rove_release(f);
        } else if (rc < 0) {
            run_round(f, NULL);
        }
        rv_calls_release(calls);
        calls = next;
    }
    return is_mine;
}

bool rv_callback_run_all(struct rove_future *f)
{
    rv_lock_acquire(&f->lock);
    bool is_draining = f->is_draining; /* for one added since: it takes the earlier ones too */
    struct rv_calls *calls = is_draining ? NULL : whose_turn(f);
    f->is_draining = is_draining || calls != NULL;
    rv_lock_release(&f->lock);
    if (is_draining) {
        return false;
    }
    struct rv_worker *w = rv_current_worker();
    bool is_at_home = w != NULL && w->runtime->calls == calls && w->runtime->worker_count == 1;
    bool has_any = calls != NULL;
    bool is_mine = start_round(f, calls);
    if (!has_any || (is_at_home && rv_future_is_awaited_at_home(f, w->runtime))) {
        is_mine |= claim_waking(f); /* no callback is left, or they will have run first */
    }
    return is_mine;
}

void rv_callback_drop_all(struct rove_future *f)
{
    while (f->callbacks != NULL) {
        drop_record(pop(f));
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
    *c = (struct rv_callback){.fn = cb, .ctx = ctx};
    if (rv_locals_keep(&c->locals) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->calls = rv_calls_retain(w->runtime->calls);
    rv_lock_acquire(&f->lock);
    append(f, c);
    bool is_done = !rv_state_announce(&f->state, RV_STATE_CALLBACKS);
    struct rv_calls *turn = is_done && !f->is_draining ? whose_turn(f) : NULL;
    if (turn != NULL) {
        f->is_draining = 1;
    }
    rv_lock_release(&f->lock);
    if (start_round(f, turn)) {
        rv_future_wake_waiters(f);
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
    struct rv_callback *removed = NULL, *kept = NULL;
    struct rv_callback *c;
    rv_lock_acquire(&f->lock);
    while (f->callbacks != NULL) {
        c = pop(f);
        bool matches = c->fn == cb && c->ctx == ctx;
        c->next = matches ? removed : kept;
        *(matches ? &removed : &kept) = c;
        n += matches;
    }
    while ((c = kept) != NULL) { /* the last first */
        kept = c->next;
        c->next = f->callbacks == NULL ? c : f->callbacks->next;
        f->callbacks = f->callbacks == NULL ? c : f->callbacks;
        f->callbacks->next = c;
    }
    rv_lock_release(&f->lock);
    while ((c = removed) != NULL) {
        removed = c->next;
        drop_record(c);
    }
    return n;
}

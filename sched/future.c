// SPDX-License-Identifier: MIT
/*
 * Purpose: futures: completion, waiters, done callbacks, references; rove_await.
 *
 * Idea: the state word says done or not and whether anyone is queued (WAITERS, CALLBACKS); the
 * queue is under the future's lock. Who adds himself announces it in the word first; who completes
 * sees the announcement in the same compare-exchange that says DONE, then takes the lock and fires.
 *
 *     awaiter (lock held)                    completer
 *     announce WAITERS  -- done? read it     word |= DONE, was WAITERS set?
 *     push cell, unlock, park                lock, fire each cell, unlock
 *
 * With callbacks the order "callbacks, then awaiters" is kept by a hidden task that does both.
 * Threads: any, unless said otherwise in the header.
 */
#include "sched/future.h"

#include "core/check.h"
#include "core/os.h"
#include "sched/callback.h"
#include "sched/cancel.h"
#include "sched/current.h"
#include "sched/debug.h"
#include "sched/gather.h"
#include "sched/join.h"
#include "sched/runtime.h"
#include "sched/shield.h"
#include "sched/suspend.h"
#include "sched/task.h"

#include <errno.h>
#include <stdlib.h>

void rv_future_init(struct rove_future *f, enum rv_future_kind kind, uint32_t refs)
{
    f->result = NULL;
    f->error = 0;
    f->kind = (uint8_t)kind;
    f->flags = 0;
    f->is_draining = 0;
    f->has_woken = 0;
    f->callbacks = NULL;
    rv_store_relaxed(&f->solo, NULL);
    f->waiters = (struct rv_waitq){0};
    rv_lock_init(&f->lock);
    rv_state_init(&f->state, refs);
}

struct rove_future *rv_future_alloc(size_t bytes, enum rv_future_kind kind, uint32_t refs)
{
    RV_CHECK(bytes >= sizeof(struct rove_future), "a kind of future embeds the future");
    struct rv_worker *w = rv_current_worker();
    bool is_debug = RV_UNLIKELY(w != NULL && w->runtime->options.debug);
    struct rove_future *f = is_debug ? rv_debug_future_alloc(w->runtime, bytes) : calloc(1, bytes);
    if (f != NULL) {
        rv_future_init(f, kind, refs);
        f->flags = is_debug ? RV_TASK_DEBUG : 0;
    }
    return f;
}

bool rv_future_settle(struct rove_future *f, int error, void *result, uint64_t *before)
{
    /* One of several completers wins the lock and the phase; the outcome is written by it alone. */
    rv_lock_acquire(&f->lock);
    bool is_first = !rv_state_is_done(&f->state);
    if (is_first) {
        f->error = error;
        f->result = result;
        *before = rv_state_finish(&f->state, 0);
    }
    rv_lock_release(&f->lock);
    return is_first;
}

int rv_future_complete(struct rove_future *f, int error, void *result)
{
    /* The caller's handle may be gone as soon as an awaiter sees DONE: keep f until the lock is
     * free. */
    uint64_t before;
    rv_state_retain(&f->state);
    bool is_first = rv_future_settle(f, error, result, &before);
    if (is_first) {
        rv_future_notify(f, before);
    }
    rove_release(f);
    return is_first ? 0 : -EALREADY;
}

bool rv_future_add_waiter(struct rove_future *f, struct rv_waiter *w)
{
    rv_lock_acquire(&f->lock);
    bool is_pending = rv_state_announce(&f->state, RV_STATE_WAITERS);
    if (is_pending) {
        rv_waitq_push(&f->waiters, w);
    }
    rv_lock_release(&f->lock);
    return is_pending;
}

bool rv_future_remove_waiter(struct rove_future *f, struct rv_waiter *w)
{
    rv_lock_acquire(&f->lock);
    bool is_queued = w->prev != NULL || f->waiters.first == w;
    if (is_queued) {
        rv_waitq_remove(&f->waiters, w);
    }
    rv_lock_release(&f->lock);
    return is_queued;
}

int rv_future_read(struct rove_future *f, void **result)
{
    RV_ASSERT(rv_state_is_done(&f->state), "only a done future is read");
    if (RV_UNLIKELY(f->error < 0)) {
        rv_state_observe(&f->state);
        return f->error;
    }
    if (result != NULL) {
        *result = f->result;
    }
    return f->error; /* 0, or a count that a coroutine handed on */
}

void rv_future_wait_uncancelled(struct rove_future *f, unsigned *cancels)
{
    struct rv_task *self = rv_current_task();
    struct rv_waiter w;
    rv_waiter_init(&w, self);
    if (rv_state_is_done(&f->state) || !rv_future_add_waiter(f, &w)) {
        return;
    }
    while (!rv_waiter_is_fired(&w)) {
        if (rv_take_cancel(self)) {
            (*cancels)++;
        } else {
            rv_park(self, RV_WAIT_FUTURE, f);
        }
    }
}

/* Takes the cell back after a cancellation. If f was done first the cell is fired by its completer,
 * perhaps after callbacks: until then it stays. */
static void take_back(struct rv_task *self, struct rove_future *f, struct rv_waiter *w,
                      bool is_solo)
{
    bool is_back;
    if (is_solo) {
        rv_store_relaxed(&f->solo, NULL); /* the next solo waiter's store is the first it finds */
        is_back = rv_state_retract_solo(&f->state);
        if (!is_back) {
            /* order: release F2. As in rv_join_list; the completer may not have read it yet. */
            rv_store_release(&f->solo, w);
        }
    } else {
        is_back = rv_future_remove_waiter(f, w);
    }
    bool is_cancelled_again = false; /* kept back meanwhile, or the park would not park */
    while (!is_back && !rv_waiter_is_fired(w)) {
        if (rv_take_cancel(self)) {
            is_cancelled_again = true;
        } else {
            rv_park(self, RV_WAIT_FUTURE, f);
        }
    }
    if (is_cancelled_again) {
        rv_put_back_cancel(self);
    }
    if (is_solo) {
        rv_store_relaxed(&f->solo, NULL); /* as the completer leaves it, who may be first */
    }
}

/*
 * Not done yet: waits in f. A cancellation of a parked waiter goes to f first (cancel.c); one that
 * came when it was not parked, before it was or after a late wake of an earlier wait, is sent there
 * from here. It is the waiter's own if f is done, or if nobody accepts it there.
 */
static int await_cell(struct rv_task *self, struct rove_future *f, struct rv_waiter *w,
                      bool is_solo)
{
    while (!rv_waiter_is_fired(w)) {
        if (!rv_take_cancel(self)) {
            rv_park(self, RV_WAIT_FUTURE, f);
        } else if (!rv_cancel_pass_on(self, f)) {
            take_back(self, f, w, is_solo);
            return -ECANCELED;
        }
    }
    return rv_take_cancel(self) ? -ECANCELED : 0;
}

static int wait_for_done(struct rv_task *self, struct rove_future *f)
{
    struct rv_join j; /* its cell is filled in when it is listed */
    j.future = f;
    j.is_listed = false;
    self->awaiting = f;
    int rc = 0;
    if (rv_join_make_way(&j, self) && !j.is_listed) {
        rc = rv_take_cancel(self) ? -ECANCELED : 0;
    } else if (j.is_listed || rv_join_list(&j, self)) {
        rc = await_cell(self, f, &j.cell, j.is_solo);
    }
    self->awaiting = NULL;
    return rc;
}

/* f may be anything, and is perhaps not done. */
static RV_NOINLINE int await_pending(struct rv_task *self, struct rove_future *f)
{
    if (self == NULL) {
        return -EPERM;
    }
    if (f == NULL) {
        return -EINVAL;
    }
    if (f == &self->future) {
        return -EDEADLK;
    }
    if (rv_state_is_done(&f->state)) {
        return 0;
    }
    if (RV_UNLIKELY(rv_state_has_cancel(&self->future.state))) {
        rv_cancel_before_await(self, f);
    }
    return wait_for_done(self, f);
}

static RV_ALWAYS_INLINE int await(struct rv_task *self, struct rove_future *f, void **result)
{
    if (RV_UNLIKELY(self == NULL || f == NULL) || !rv_state_is_done(&f->state)) {
        int rc = await_pending(self, f);
        if (rc < 0) {
            return rc;
        }
    }
    return rv_future_read(f, result);
}

/* The setter may drop the last handle before an awaiter that it woke has run. A join needs no more
 * than the handle it is given. */
int rove_await(rove_future *f, void **result)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL || f == NULL) || rv_state_is_done(&f->state)) {
        return await(self, f, result);
    }
    rv_state_retain(&f->state);
    int rc = await(self, f, result);
    rove_release(f);
    return rc;
}

int rv_future_wait_thread(struct rove_future *f, rove_duration timeout, void **result)
{
    struct rv_waiter w;
    int rc = 0;
    rv_waiter_init(&w, NULL);
    rv_state_retain(&f->state);
    if (!rv_state_is_done(&f->state) && rv_future_add_waiter(f, &w)) {
        rc = rv_waitq_wait_thread(&f->waiters, &f->lock, &w, timeout);
    }
    rc = rc < 0 ? rc : rv_future_read(f, result);
    rove_release(f);
    return rc;
}

void rv_futures_retain(size_t n, struct rove_future *const fs[])
{
    for (size_t i = 0; i < n; i++) {
        rv_state_retain(&fs[i]->state);
    }
}

void rv_futures_release(size_t n, struct rove_future *const fs[])
{
    for (size_t i = 0; i < n; i++) {
        rove_release(fs[i]);
    }
}

/* Done, and the caller has the only handle: nobody else knows it any more. */
static RV_ALWAYS_INLINE bool is_done_and_ours(struct rove_future *f)
{
    return f != NULL && rv_state_is_last(&f->state) && f->callbacks == NULL;
}

int rove_join(rove_task *t, void **result)
{
    struct rv_task *self = rv_current_task();
    if (RV_LIKELY(self != NULL && is_done_and_ours(t) && t->kind == RV_FUTURE_TASK)) {
        int done = rv_future_read(t, result);
        rv_task_destroy(rv_task_of(t));
        return done;
    }
    int rc = await(self, t, result);
    if (RV_LIKELY(self != NULL)) { /* else nothing was done: the caller still has its reference */
        rove_release(t);
    }
    return rc;
}

rove_future *rove_create_future(void)
{
    struct rove_future *f = rv_future_alloc(sizeof(struct rove_future), RV_FUTURE_PLAIN, 1);
    if (f != NULL && RV_UNLIKELY(f->flags & RV_TASK_DEBUG)) {
        rv_debug_set_site(f, __builtin_return_address(0));
    }
    return f;
}

static int set_outcome(rove_future *f, int error, void *result)
{
    if (f == NULL || f->kind != RV_FUTURE_PLAIN) {
        return -EINVAL;
    }
    return rv_future_complete(f, error, result);
}

int rove_set_result(rove_future *f, void *result)
{
    return set_outcome(f, 0, result);
}

int rove_set_error(rove_future *f, int error)
{
    return error >= 0 ? -EINVAL : set_outcome(f, error, NULL);
}

bool rove_done(rove_future *f)
{
    return f != NULL && rv_state_is_done(&f->state);
}

bool rove_cancelled(rove_future *f)
{
    return f != NULL && rv_state_is_done(&f->state) && f->error == -ECANCELED;
}

int rove_result(rove_future *f, void **result)
{
    if (f == NULL) {
        return -EINVAL;
    }
    return rv_state_is_done(&f->state) ? rv_future_read(f, result) : -EINPROGRESS;
}

rove_future *rove_retain(rove_future *f)
{
    if (f != NULL) {
        rv_state_retain(&f->state);
    }
    return f;
}

static RV_NOINLINE void release_outer(struct rove_future *f);

void rove_release(rove_future *f)
{
    if (f == NULL) {
        return;
    }
    if (RV_UNLIKELY(f->kind >= RV_FUTURE_GATHER)) {
        release_outer(f);
    } else if (rv_state_release(&f->state)) {
        rv_future_destroy(f);
    }
}

/* Those that are over f have let go of it, or it would not end: it never completes for them. */
static void give_up_outer(struct rove_future *f, struct rv_doomed *doomed)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(&f->waiters)) != NULL) {
        RV_CHECK(w->tag == RV_WAITER_OF_FUTURE, "a future is not freed under its waiters");
        struct rove_future *outer = w->owner;
        if (outer->kind == RV_FUTURE_SHIELD || rv_gather_give_up(outer)) {
            rv_future_release_later(outer, doomed);
        }
    }
}

/* Not a task. What it held the last reference of goes to *doomed. */
static void destroy_one(struct rove_future *f, struct rv_doomed *doomed)
{
    bool is_debug = RV_UNLIKELY(f->flags & RV_TASK_DEBUG);
    if (f->callbacks != NULL) {
        rv_callback_drop_all(f);
    }
    give_up_outer(f, doomed);
    if (is_debug) {
        rv_debug_report_unread(f);
    }
    switch ((enum rv_future_kind)f->kind) {
    case RV_FUTURE_GATHER:
        rv_gather_destroy(f, doomed);
        break;
    case RV_FUTURE_SHIELD:
        rv_shield_destroy(f, doomed);
        break;
    case RV_FUTURE_TASK:
    case RV_FUTURE_PLAIN:
        break;
    }
    if (is_debug) {
        rv_debug_future_free(f);
    } else {
        free(f);
    }
}

static struct rv_outer *outer_of(struct rove_future *f)
{
    return f->kind == RV_FUTURE_GATHER ? rv_gather_outer(f) : rv_shield_outer(f);
}

static void push_dead(struct rove_future *f, struct rv_doomed *doomed)
{
    f->result = doomed->dead; /* nobody reads it any more */
    doomed->dead = f;
}

static void leave(struct rove_future *f, struct rv_doomed *doomed)
{
    if (f->kind == RV_FUTURE_GATHER) {
        rv_gather_let_go(f, doomed);
    } else {
        rv_shield_let_go(f, doomed);
    }
    if (rv_state_release(&f->state)) {
        push_dead(f, doomed);
    }
}

/* A gather may hold a gather that holds a gather: one after the other, not one within the other. */
static RV_NOINLINE void finish_doomed(struct rv_doomed *doomed)
{
    for (;;) {
        struct rove_future *f = doomed->dead;
        if (f != NULL) {
            doomed->dead = f->result;
            destroy_one(f, doomed);
        } else if ((f = doomed->leaving) != NULL) {
            doomed->leaving = outer_of(f)->next;
            leave(f, doomed);
        } else {
            return;
        }
    }
}

void rv_future_destroy(struct rove_future *f)
{
    if (RV_LIKELY(f->kind == RV_FUTURE_TASK)) {
        if (RV_UNLIKELY(f->callbacks != NULL)) {
            rv_callback_drop_all(f);
        }
        RV_CHECK(rv_waitq_is_empty(&f->waiters), "a future is not freed under its waiters");
        rv_task_destroy(rv_task_of(f));
        return;
    }
    struct rv_doomed doomed = {0};
    push_dead(f, &doomed);
    finish_doomed(&doomed);
}

void rv_future_release_later(struct rove_future *f, struct rv_doomed *doomed)
{
    if (f == NULL || f->kind == RV_FUTURE_TASK) {
        rove_release(f);
        return;
    }
    /* Two are left: that of what it is over, and ours, which is then the last handle. */
    if (f->kind >= RV_FUTURE_GATHER && !rv_state_is_last(&f->state)) {
        if (rv_state_release_above(&f->state, 1)) {
            return;
        }
        bool holds = f->kind == RV_FUTURE_GATHER ? rv_gather_holds(f) : rv_shield_holds(f);
        if (holds) {
            struct rv_outer *o = outer_of(f);
            o->has_let_go = true;
            o->next = doomed->leaving;
            doomed->leaving = f;
            return;
        }
    }
    if (rv_state_release(&f->state)) {
        push_dead(f, doomed);
    }
}

static RV_NOINLINE void release_outer(struct rove_future *f)
{
    struct rv_doomed doomed = {0};
    rv_future_release_later(f, &doomed);
    finish_doomed(&doomed);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: Go's channels: rendezvous or buffered, elements copied, closed once.
 * chan.h has the idea.
 *
 * Cost: one inner lock (two stores as long as one worker uses it), one copy, at most one wake. A
 * task that waits has its element written by its partner, and touches the channel no more when it
 * resumes. What two tasks of one worker do most is written out once more, as straight code
 * (transfer_at_home). It does nothing that the general way would not, and leaves all else to it.
 *
 * Threads: any. A cell of a plain task or thread is fired after the lock; a select's cell under
 * it, since the select's clean-up uses that lock to know that nobody looks at its cell any more.
 */
#include "sched/chan.h"

#include "core/check.h"
#include "core/landing.h"
#include "sched/suspend.h"

#include <rove/blocking.h>
#include <stdlib.h>
#include <string.h>

/* The struct, and what rounding up to whole lines may add. */
#define RV_CHAN_OVERHEAD (sizeof(rove_chan) + RV_CACHE_LINE - 1)

rove_chan *rove_chan_create(size_t element_size, size_t capacity)
{
    if (element_size != 0 && capacity > (SIZE_MAX - RV_CHAN_OVERHEAD) / element_size) {
        return NULL;
    }
    size_t lines = (RV_CHAN_OVERHEAD + element_size * capacity) / RV_CACHE_LINE;
    rove_chan *c = aligned_alloc(RV_CACHE_LINE, lines * RV_CACHE_LINE);
    if (c != NULL) {
        memset(c, 0, sizeof *c);
        rv_store_relaxed(&c->refs, 1u);
        c->element_size = element_size;
        c->capacity = capacity;
    }
    return c;
}

rove_chan *rove_chan_retain(rove_chan *c)
{
    if (c == NULL) {
        return NULL;
    }
    uint32_t before = rv_fetch_add_relaxed(&c->refs, 1u);
    RV_CHECK(before != 0, "rove_chan_retain: the caller holds a reference");
    return c;
}

static void free_chan(rove_chan *c)
{
    RV_CHECK(rv_waitq_is_empty(&c->waiters[RV_CHAN_SEND]) &&
                 rv_waitq_is_empty(&c->waiters[RV_CHAN_RECV]),
             "who waits on a channel holds a reference to it");
    free(c);
}

void rv_chan_leave_select(struct rove_chan *c, bool is_at_home)
{
    RV_CHECK((c->selects & ~RV_CHAN_ORPHAN) != 0, "a select that leaves a channel was counted");
    bool is_last = --c->selects == RV_CHAN_ORPHAN;
    rv_chan_unlock(c, is_at_home);
    if (RV_UNLIKELY(is_last)) {
        free_chan(c);
    }
}

void rove_chan_release(rove_chan *c)
{
    if (c == NULL) {
        return;
    }
    /* order: acq_rel C2. Every holder's last use before the free; pairs with itself. */
    uint32_t before = rv_fetch_sub_acq_rel(&c->refs, 1u);
    RV_CHECK(before != 0, "rove_chan_release: the caller holds a reference");
    if (before == 1) {
        bool is_at_home = rv_chan_lock(c);
        bool is_unused = c->selects == 0;
        c->selects |= RV_CHAN_ORPHAN;
        rv_chan_unlock(c, is_at_home);
        if (RV_LIKELY(is_unused)) {
            free_chan(c);
        }
    }
}

/* Constant sizes become plain moves; a channel of signals has no bytes at all. */
static inline void copy_element(void *to, const void *from, size_t bytes)
{
    if (RV_LIKELY(bytes == 8)) {
        memcpy(to, from, 8);
        return;
    }
    switch (bytes) {
    case 0:
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 16:
        memcpy(to, from, 16);
        break;
    default:
        memcpy(to, from, bytes);
        break;
    }
}

static inline size_t wrap(const rove_chan *c, size_t index)
{
    return index >= c->capacity ? index - c->capacity : index;
}

static inline void buffer_push(rove_chan *c, const void *element)
{
    size_t tail = wrap(c, c->head + c->count);
    copy_element(c->buffer + tail * c->element_size, element, c->element_size);
    c->count++;
}

static inline void buffer_pop(rove_chan *c, void *element)
{
    copy_element(element, c->buffer + c->head * c->element_size, c->element_size);
    c->head = wrap(c, c->head + 1);
    c->count--;
}

/* w is out of its queue, and its task has a cancellation pending. It may come back to the channel,
 * which is in no queue of it then: so it is counted, as a select is all along. */
static RV_COLD void pass_over(rove_chan *c, struct rv_waiter *w)
{
    struct rv_select *sel = w->owner;
    if (sel == NULL) {
        c->selects++;
        w->tag = RV_SYNC_PASSED_OVER;
        rv_waiter_fire(w);
    } else if (rv_select_claim(sel, RV_SELECT_PASSED_OVER)) {
        rv_waiter_fire(w);
    }
}

/* The first waiter that can still be served, taken out; NULL: none. */
static inline struct rv_waiter *take_partner(rove_chan *c, enum rv_chan_op op)
{
    struct rv_waiter *w;
    while ((w = rv_waitq_pop(&c->waiters[op])) != NULL) {
        struct rv_select *sel = w->owner;
        if (RV_UNLIKELY(rv_sync_is_cancelled(w))) {
            pass_over(c, w);
        } else if (RV_LIKELY(sel == NULL) || rv_select_claim(sel, w->tag)) {
            return w;
        }
    }
    return NULL;
}

/* The element has been moved, or the channel is closed. A select's cell is fired at once. */
static inline struct rv_waiter *settle(struct rv_waiter *w, enum rv_sync_outcome outcome)
{
    struct rv_select *sel = w->owner;
    if (RV_LIKELY(sel == NULL)) {
        w->tag = outcome;
        return w;
    }
    sel->error = outcome == RV_SYNC_CLOSED ? -EPIPE : 0;
    rv_waiter_fire(w);
    return NULL;
}

static inline int try_send(rove_chan *c, const void *element, struct rv_waiter **fire)
{
    if (RV_UNLIKELY(c->lock.is_closed)) {
        return -EPIPE;
    }
    struct rv_waiter *w = take_partner(c, RV_CHAN_RECV);
    if (w != NULL) {
        RV_ASSERT(c->count == 0, "receivers wait only for an empty channel");
        copy_element(w->value, element, c->element_size);
        *fire = settle(w, RV_SYNC_GRANTED);
        return 0;
    }
    if (c->count == c->capacity) {
        return -EAGAIN;
    }
    buffer_push(c, element);
    return 0;
}

static inline int try_recv(rove_chan *c, void *element, struct rv_waiter **fire)
{
    bool had_buffered = c->count > 0;
    if (had_buffered) {
        buffer_pop(c, element);
    }
    struct rv_waiter *w = take_partner(c, RV_CHAN_SEND);
    if (w == NULL) {
        return had_buffered ? 0 : c->lock.is_closed ? -EPIPE : -EAGAIN;
    }
    if (had_buffered) {
        buffer_push(c, w->value);
    } else {
        copy_element(element, w->value, c->element_size);
    }
    *fire = settle(w, RV_SYNC_GRANTED);
    return 0;
}

int rv_chan_try(struct rove_chan *c, enum rv_chan_op op, void *element, struct rv_waiter **fire)
{
    *fire = NULL;
    return op == RV_CHAN_SEND ? try_send(c, element, fire) : try_recv(c, element, fire);
}

/* w is queued. -EAGAIN: it was passed over for nothing, and is counted still. */
static int wait(rove_chan *c, enum rv_chan_op op, struct rv_waiter *w,
                const struct rv_caller *caller)
{
    int rc = rv_sync_wait_home(&c->waiters[op], &c->lock, w, caller, RV_WAIT_CHAN, c);
    if (RV_LIKELY(rc != 0 || w->tag == RV_SYNC_GRANTED)) {
        return rc;
    }
    if (w->tag == RV_SYNC_CLOSED) {
        return -EPIPE;
    }
    if (!rv_sync_take_cancel(caller)) {
        return -EAGAIN;
    }
    rv_chan_leave_select(c, rv_chan_lock(c));
    return -ECANCELED;
}

/* The whole of it, for everybody. `caller` NULL: without waiting. is_counted: see wait. */
static RV_NOINLINE int transfer_counted(rove_chan *c, enum rv_chan_op op, void *element,
                                        const struct rv_caller *caller, bool is_counted)
{
    if (RV_UNLIKELY(c == NULL) || RV_UNLIKELY(element == NULL && c->element_size != 0)) {
        return -EINVAL;
    }
    struct rv_waiter w;
    int rc;
    do {
        struct rv_waiter *fire = NULL;
        bool is_at_home = rv_chan_lock(c);
        rc = op == RV_CHAN_SEND ? try_send(c, element, &fire) : try_recv(c, element, &fire);
        if (rc == -EAGAIN && caller != NULL) {
            rv_waiter_init(&w, caller->task);
            w.value = element;
            rv_waitq_push(&c->waiters[op], &w);
        }
        if (RV_UNLIKELY(is_counted)) {
            rv_chan_leave_select(c, is_at_home);
        } else {
            rv_chan_unlock(c, is_at_home);
        }
        if (fire != NULL) {
            rv_waiter_fire(fire);
        }
        if (rc != -EAGAIN || caller == NULL) {
            return rc;
        }
        rc = wait(c, op, &w, caller);
        is_counted = true;
    } while (RV_UNLIKELY(rc == -EAGAIN));
    return rc;
}

static inline int transfer(rove_chan *c, enum rv_chan_op op, void *element,
                           const struct rv_caller *caller)
{
    return transfer_counted(c, op, element, caller, false);
}

/* True: a task calls, and is inside the lock of a channel that is at home here. */
static RV_ALWAYS_INLINE bool enter_at_home(rove_chan *c, const void *element,
                                           struct rv_worker *here)
{
    if (RV_UNLIKELY(here == NULL || c == NULL || element == NULL)) {
        return false;
    }
    struct rv_task *self = rv_load_relaxed(&here->current);
    if (RV_UNLIKELY(self == NULL || (self->future.flags & RV_TASK_HIDDEN) != 0)) {
        return false;
    }
    return RV_LIKELY(rv_home_try_enter(&c->lock, here));
}

enum at_home { AT_HOME_NOT, AT_HOME_DONE, AT_HOME_WAIT };

/* What to do at home, at once. *partner: whom to fire after the lock. */
static RV_ALWAYS_INLINE enum at_home meet(rove_chan *c, enum rv_chan_op op, void *element,
                                          struct rv_waiter **partner)
{
    struct rv_waitq *others = &c->waiters[op == RV_CHAN_SEND ? RV_CHAN_RECV : RV_CHAN_SEND];
    struct rv_waiter *other = others->first;
    if (other != NULL) {
        if (RV_UNLIKELY(other->owner != NULL || other->task == NULL ||
                        rv_sync_is_cancelled(other))) {
            return AT_HOME_NOT;
        }
        *partner = rv_waitq_pop(others);
        other->tag = RV_SYNC_GRANTED;
        if (op == RV_CHAN_SEND) {
            copy_element(other->value, element, c->element_size);
        } else if (RV_LIKELY(c->count == 0)) {
            copy_element(element, other->value, c->element_size);
        } else {
            buffer_pop(c, element);
            buffer_push(c, other->value);
        }
        return AT_HOME_DONE;
    }
    if (op == RV_CHAN_RECV && c->count > 0) {
        buffer_pop(c, element);
        return AT_HOME_DONE;
    }
    if (RV_UNLIKELY(c->lock.is_closed)) {
        return AT_HOME_NOT;
    }
    if (op == RV_CHAN_SEND && c->count < c->capacity) {
        buffer_push(c, element);
        return AT_HOME_DONE;
    }
    return AT_HOME_WAIT;
}

/* The rest of an operation that is queued (w), or that was not for transfer_at_home. */
static RV_NOINLINE int transfer_rest(rove_chan *c, enum rv_chan_op op, void *element,
                                     struct rv_waiter *w)
{
    struct rv_caller caller;
    if (RV_UNLIKELY(!rv_sync_is_task(&caller))) {
        return -EPERM;
    }
    int rc = w != NULL ? wait(c, op, w, &caller) : -EAGAIN;
    return rc == -EAGAIN ? transfer_counted(c, op, element, &caller, w != NULL) : rc;
}

/* At home, inside the lock, which is left: the calling task queues itself and waits. */
static RV_NO_STACK_PROTECTOR struct rv_landing wait_at_home(void *chan, void *element, uintptr_t op,
                                                            const void *to)
{
    rove_chan *c = chan;
    struct rv_task *self = rv_load_relaxed(&rv_current_worker()->current);
    struct rv_waiter w;
    bool is_jump = false;
    rv_waiter_init(&w, self);
    w.value = element;
    rv_waitq_push(&c->waiters[op], &w);
    rv_home_leave(&c->lock, true);
    if (RV_LIKELY(rv_state_may_park(&self->future.state))) {
        is_jump = rv_park_to_land(self, RV_WAIT_CHAN, c, to);
    }
    if (RV_LIKELY(rv_waiter_is_fired(&w) && w.tag == RV_SYNC_GRANTED)) {
        return (struct rv_landing){.rc = 0, .is_jump = is_jump};
    }
    return (struct rv_landing){.rc = transfer_rest(c, (enum rv_chan_op)op, element, &w)};
}

/* transfer for the task that runs on the worker whose home the channel is, or is to become. */
static RV_ALWAYS_INLINE int transfer_at_home(rove_chan *c, enum rv_chan_op op, void *element,
                                             const void *to)
{
    struct rv_waiter *partner = NULL;
    struct rv_worker *here = rv_current_worker();
    if (RV_UNLIKELY(!enter_at_home(c, element, here))) {
        return transfer_rest(c, op, element, NULL);
    }
    enum at_home done = meet(c, op, element, &partner);
    if (done == AT_HOME_WAIT) {
        return rv_landing_call(c, element, op, to, wait_at_home);
    }
    rv_home_leave(&c->lock, true);
    if (partner != NULL) {
        rv_sync_fire(partner, here);
        return 0;
    }
    return RV_LIKELY(done == AT_HOME_DONE) ? 0 : transfer_rest(c, op, element, NULL);
}

int rove_chan_send(rove_chan *c, const void *element)
{
    return transfer_at_home(c, RV_CHAN_SEND, (void *)(uintptr_t)element, RV_LANDING_RETURN);
}

int rove_chan_recv(rove_chan *c, void *element)
{
    return transfer_at_home(c, RV_CHAN_RECV, element, RV_LANDING_RETURN);
}

int rove_chan_send_blocking(rove_chan *c, const void *element, rove_duration timeout)
{
    struct rv_caller caller;
    if (!rv_sync_is_thread(&caller, timeout)) {
        return -EPERM;
    }
    return transfer(c, RV_CHAN_SEND, (void *)(uintptr_t)element, &caller);
}

int rove_chan_recv_blocking(rove_chan *c, void *element, rove_duration timeout)
{
    struct rv_caller caller;
    if (!rv_sync_is_thread(&caller, timeout)) {
        return -EPERM;
    }
    return transfer(c, RV_CHAN_RECV, element, &caller);
}

int rove_chan_try_send(rove_chan *c, const void *element)
{
    if (rv_current_worker() == NULL) {
        return -EPERM;
    }
    return transfer(c, RV_CHAN_SEND, (void *)(uintptr_t)element, NULL);
}

int rove_chan_try_recv(rove_chan *c, void *element)
{
    return rv_current_worker() != NULL ? transfer(c, RV_CHAN_RECV, element, NULL) : -EPERM;
}

int rove_chan_close(rove_chan *c)
{
    if (c == NULL) {
        return -EINVAL;
    }
    struct rv_waiter *first = NULL;
    struct rv_waiter **link = &first;
    bool is_at_home = rv_chan_lock(c);
    bool was_closed = c->lock.is_closed;
    c->lock.is_closed = true;
    for (int op = RV_CHAN_SEND; op <= RV_CHAN_RECV; op++) {
        struct rv_waiter *w;
        while ((w = take_partner(c, (enum rv_chan_op)op)) != NULL) {
            *link = settle(w, RV_SYNC_CLOSED);
            link = *link != NULL ? &(*link)->next : link;
        }
    }
    rv_chan_unlock(c, is_at_home);
    rv_waiter_fire_list(first);
    return was_closed ? -EPIPE : 0;
}

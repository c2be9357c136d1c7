// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for several channels, futures and a deadline at once; exactly one goes through.
 *
 * Idea: two passes. The first tries every case in random order, one lock at a time: whoever is
 * ready goes through, fair among the ready. The second holds the locks of all its channels, in the
 * order of their addresses, looks once more and then stands in all queues before it lets go; so
 * nothing can come between the look and the queueing, and no case can be claimed half-way.
 * From then on the first to compare-exchange `winner` decides: a partner under its channel's
 * lock, a future that completes, the timer, or the task itself because it was cancelled.
 *
 * Then the task takes its cells out again. It needs each channel's lock for that, so a partner
 * that is still copying is waited for, and the losers keep no trace.
 *
 * Threads: task. Cells up to RV_SELECT_INLINE are on its stack, more are allocated.
 * Rejected: queueing case by case with a claim word only. Two selects that meet each other on two
 * channels must then claim themselves and the other at once; every such protocol has either a
 * pending state to spin on or drops a cell whose claim is later taken back.
 */
#include "core/check.h"
#include "core/clock.h"
#include "sched/chan.h"
#include "sched/suspend.h"
#include "sched/worker.h"

#include <stdlib.h>

#define RV_SELECT_INLINE 8

struct arms { /* one of each for every case */
    struct rv_waiter *cells;
    rove_chan **locks; /* the channels, sorted by address, each once */
    bool *at_home;     /* for each of these, what its lock told */
    uint32_t *order;   /* of the first pass */
    size_t lock_count;
    bool is_counted;   /* by the channels, from one wait to the next */
};

struct inline_arms {
    struct rv_waiter cells[RV_SELECT_INLINE];
    rove_chan *locks[RV_SELECT_INLINE];
    uint32_t order[RV_SELECT_INLINE];
    bool at_home[RV_SELECT_INLINE];
};

bool rv_select_claim(struct rv_select *sel, uint32_t winner)
{
    uint32_t open = RV_SELECT_OPEN;
    /* order: acq_rel C1. Who claims sees the select set up; pairs with the load in wait. */
    return rv_cas_acq_rel(&sel->winner, &open, winner);
}

static bool wake_by_channel(struct rv_waiter *w)
{
    rv_wake(w->task);
    return false;
}

static bool wake_by_future(struct rv_waiter *w)
{
    struct rv_select *sel = w->owner;
    if (rv_select_claim(sel, w->tag)) {
        rv_wake(sel->task);
    }
    return false;
}

static void wake_by_timer(struct rv_timer *timer)
{
    struct rv_select *sel = rv_container_of(timer, struct rv_select, timer);
    if (rv_select_claim(sel, RV_SELECT_TIMEOUT)) {
        rv_wake(sel->task);
    }
}

static bool is_channel(const rove_select_case *arm)
{
    return arm->op != ROVE_AWAIT && arm->chan != NULL;
}

static enum rv_chan_op op_of(const rove_select_case *arm)
{
    return arm->op == ROVE_SEND ? RV_CHAN_SEND : RV_CHAN_RECV;
}

/* Lock held. True: the case went through. */
static bool try_channel(rove_select_case *arm, struct rv_waiter **fire)
{
    int rc = rv_chan_try(arm->chan, op_of(arm), arm->element, fire);
    if (rc != -EAGAIN) {
        arm->error = rc;
    }
    return rc != -EAGAIN;
}

static void read_future(rove_select_case *arm)
{
    arm->error = rv_future_read(arm->future, arm->element);
}

static bool try_case(rove_select_case *arm)
{
    if (arm->op == ROVE_AWAIT) {
        if (arm->future == NULL || !rv_state_is_done(&arm->future->state)) {
            return false;
        }
        read_future(arm);
        return true;
    }
    if (arm->chan == NULL) {
        return false;
    }
    struct rv_waiter *fire = NULL;
    bool is_at_home = rv_chan_lock(arm->chan);
    bool went_through = try_channel(arm, &fire);
    rv_chan_unlock(arm->chan, is_at_home);
    if (fire != NULL) {
        rv_waiter_fire(fire);
    }
    return went_through;
}

/* The first pass: the index that went through, or -EAGAIN. */
static int try_all(size_t n, rove_select_case cases[], uint32_t order[], struct rv_rand *rand)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = rv_rand_below(rand, i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    for (size_t i = 0; i < n; i++) {
        if (try_case(&cases[order[i]])) {
            return (int)order[i];
        }
    }
    return -EAGAIN;
}

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (rove_chan *const *)a;
    uintptr_t right = (uintptr_t) * (rove_chan *const *)b;
    return (left > right) - (left < right);
}

/* Few are put in place one by one: channels made one after the other often are in order already. */
static void insert_lock(rove_chan *locks[], size_t count, rove_chan *c)
{
    size_t at = count;
    for (; at > 0 && (uintptr_t)locks[at - 1] > (uintptr_t)c; at--) {
        locks[at] = locks[at - 1];
    }
    locks[at] = c;
}

static void collect_locks(size_t n, const rove_select_case cases[], struct arms *arms)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_channel(&cases[i])) {
            continue;
        }
        if (n <= RV_SELECT_INLINE) {
            insert_lock(arms->locks, count, cases[i].chan);
        } else {
            arms->locks[count] = cases[i].chan;
        }
        count++;
    }
    if (n > RV_SELECT_INLINE && count > 1) {
        qsort(arms->locks, count, sizeof arms->locks[0], compare_addresses);
    }
    size_t unique = 0;
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || arms->locks[unique - 1] != arms->locks[i]) {
            arms->locks[unique++] = arms->locks[i];
        }
    }
    arms->lock_count = unique;
}

/* The second pass, its channels: the index that went through, or -EAGAIN and all are queued. */
static int enqueue(size_t n, rove_select_case cases[], struct arms *arms)
{
    struct rv_waiter *fire = NULL;
    int index = -EAGAIN;
    for (size_t i = 0; i < arms->lock_count; i++) {
        arms->at_home[i] = rv_chan_lock(arms->locks[i]);
    }
    for (size_t i = 0; i < n && index == -EAGAIN; i++) {
        rove_select_case *arm = &cases[arms->order[i]];
        if (is_channel(arm) && try_channel(arm, &fire)) {
            index = (int)arms->order[i];
        }
    }
    for (size_t i = 0; i < n && index == -EAGAIN; i++) {
        if (is_channel(&cases[i])) {
            rv_waitq_push(&cases[i].chan->waiters[op_of(&cases[i])], &arms->cells[i]);
            cases[i].chan->selects += !arms->is_counted;
        }
    }
    for (size_t i = 0; i < arms->lock_count; i++) {
        rv_chan_unlock(arms->locks[i], arms->at_home[i]);
    }
    if (fire != NULL) {
        rv_waiter_fire(fire);
    }
    return index;
}

/* The second pass, its futures: true if one was done already. `count` cases have been looked at. */
static bool watch_futures(size_t n, const rove_select_case cases[], struct rv_waiter cells[],
                          size_t *count)
{
    for (; *count < n; ++*count) {
        const rove_select_case *arm = &cases[*count];
        struct rv_waiter *w = &cells[*count];
        if (arm->op == ROVE_AWAIT && arm->future != NULL && !rv_future_add_waiter(arm->future, w)) {
            (void)rv_select_claim(w->owner, w->tag);
            return true;
        }
    }
    return false;
}

/* `watched` cases of futures were queued. stays: the channels still count it. */
static void dequeue(size_t n, const rove_select_case cases[], struct rv_waiter cells[],
                    size_t watched, bool stays)
{
    for (size_t i = 0; i < n; i++) {
        if (is_channel(&cases[i])) {
            rove_chan *c = cases[i].chan;
            struct rv_waitq *q = &c->waiters[op_of(&cases[i])];
            bool is_at_home = rv_chan_lock(c);
            if (rv_waitq_is_queued(q, &cells[i])) {
                rv_waitq_remove(q, &cells[i]);
            }
            if (RV_UNLIKELY(stays)) {
                rv_chan_unlock(c, is_at_home);
            } else {
                rv_chan_leave_select(c, is_at_home);
            }
        } else if (i < watched && cases[i].op == ROVE_AWAIT && cases[i].future != NULL) {
            (void)rv_future_remove_waiter(cases[i].future, &cells[i]);
        }
    }
}

static void leave_channels(size_t n, const rove_select_case cases[])
{
    for (size_t i = 0; i < n; i++) {
        if (is_channel(&cases[i])) {
            rv_chan_leave_select(cases[i].chan, rv_chan_lock(cases[i].chan));
        }
    }
}

/* Until somebody decided; a cancellation is one way to decide. */
static uint32_t wait(struct rv_select *sel)
{
    uint32_t winner;
    /* order: acquire C1. What the claimer knew; pairs with rv_select_claim. */
    while ((winner = rv_load_acquire(&sel->winner)) == RV_SELECT_OPEN) {
        if (!rv_take_cancel(sel->task)) {
            rv_park(sel->task, RV_WAIT_SELECT, sel);
        } else if (!rv_select_claim(sel, RV_SELECT_CANCELLED)) {
            rv_put_back_cancel(sel->task);
        }
    }
    return winner;
}

/* No case went through. -EAGAIN: a partner passed over it because of a cancellation that was then
 * withdrawn. */
static int give_reason(uint32_t winner, struct rv_task *self)
{
    if (winner == RV_SELECT_PASSED_OVER) {
        return rv_take_cancel(self) ? -ECANCELED : -EAGAIN;
    }
    return winner == RV_SELECT_TIMEOUT ? -ETIMEDOUT : -ECANCELED;
}

/* The second pass, the wait, the clean-up. *deadline is 0 at first. -EAGAIN: once more, and the
 * channels count it until then. */
static int wait_held(size_t n, rove_select_case cases[], rove_duration timeout, int64_t *deadline,
                     struct arms *arms)
{
    struct rv_select sel = {.task = rv_current_task()};
    for (size_t i = 0; i < n; i++) {
        bool is_future = cases[i].op == ROVE_AWAIT;
        rv_waiter_init(&arms->cells[i], sel.task);
        arms->cells[i].owner = &sel;
        arms->cells[i].tag = (uint32_t)(RV_SELECT_CASE + i);
        arms->cells[i].value = cases[i].element;
        arms->cells[i].on_fire = is_future ? wake_by_future : wake_by_channel;
    }
    collect_locks(n, cases, arms);
    int index = enqueue(n, cases, arms);
    if (index != -EAGAIN) {
        return index;
    }
    size_t watched = 0;
    int rc = 0;
    bool is_armed = false;
    if (!watch_futures(n, cases, arms->cells, &watched) && timeout > 0) {
        rv_heap_node_init(&sel.timer.node);
        *deadline = *deadline != 0 ? *deadline : rv_clock_add(rv_clock_now(), timeout);
        rc = rv_timer_arm(&sel.timer, *deadline, wake_by_timer);
        is_armed = rc == 0;
    }
    /* Without a timer there is no wait, unless somebody has decided already. */
    bool has_given_up = rc != 0 && rv_select_claim(&sel, RV_SELECT_CANCELLED);
    uint32_t winner = wait(&sel);
    if (is_armed) {
        (void)rv_timer_disarm(&sel.timer);
    }
    if (winner < RV_SELECT_CASE) {
        rc = has_given_up ? rc : give_reason(winner, sel.task);
        arms->is_counted = rc == -EAGAIN;
        dequeue(n, cases, arms->cells, watched, arms->is_counted);
        return rc;
    }
    arms->is_counted = false;
    dequeue(n, cases, arms->cells, watched, false);
    index = (int)(winner - RV_SELECT_CASE);
    if (cases[index].op == ROVE_AWAIT) {
        read_future(&cases[index]);
    } else {
        cases[index].error = sel.error;
    }
    return index;
}

/* As rove_await does: who sets a future may drop the last handle at once. So may who closes a
 * channel, which counts its selects. */
static int wait_all(size_t n, rove_select_case cases[], rove_duration timeout, struct arms *arms)
{
    int64_t deadline = 0;
    int index;
    for (size_t i = 0; i < n; i++) {
        if (cases[i].op == ROVE_AWAIT) {
            rove_retain(cases[i].future);
        }
    }
    do {
        index = wait_held(n, cases, timeout, &deadline, arms);
    } while (RV_UNLIKELY(index == -EAGAIN));
    if (RV_UNLIKELY(arms->is_counted)) {
        leave_channels(n, cases);
    }
    for (size_t i = 0; i < n; i++) {
        if (cases[i].op == ROVE_AWAIT) {
            rove_release(cases[i].future);
        }
    }
    return index;
}

static int check_cases(size_t n, const rove_select_case cases[], struct rv_task *self)
{
    if (n > INT32_MAX / 2 || (n > 0 && cases == NULL)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        const rove_select_case *arm = &cases[i];
        bool is_known = arm->op == ROVE_SEND || arm->op == ROVE_RECV || arm->op == ROVE_AWAIT;
        bool has_element = !is_channel(arm) || arm->element != NULL || arm->chan->element_size == 0;
        if (!is_known || !has_element) {
            return -EINVAL;
        }
        if (arm->op == ROVE_AWAIT && arm->future == &self->future) {
            return -EDEADLK;
        }
    }
    return 0;
}

static int select_with(size_t n, rove_select_case cases[], rove_duration timeout, struct arms *arms)
{
    int rc = try_all(n, cases, arms->order, &rv_current_worker()->rand);
    return rc == -EAGAIN && timeout != 0 ? wait_all(n, cases, timeout, arms) : rc;
}

/* Apart, so that the usual select does not have both kinds of arms in its frame. */
static RV_NOINLINE int select_many(size_t n, rove_select_case cases[], rove_duration timeout)
{
    size_t cell_bytes = n * sizeof(struct rv_waiter);
    size_t lock_bytes = n * sizeof(rove_chan *);
    size_t order_bytes = n * sizeof(uint32_t);
    unsigned char *block = malloc(cell_bytes + lock_bytes + order_bytes + n * sizeof(bool));
    if (block == NULL) {
        return -ENOMEM;
    }
    struct arms arms = {.cells = (void *)block,
                        .locks = (void *)(block + cell_bytes),
                        .order = (void *)(block + cell_bytes + lock_bytes),
                        .at_home = (void *)(block + cell_bytes + lock_bytes + order_bytes)};
    int rc = select_with(n, cases, timeout, &arms);
    free(block);
    return rc;
}

int rove_select(size_t n, rove_select_case cases[], rove_duration timeout)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    int rc = check_cases(n, cases, self);
    if (rc != 0) {
        return rc;
    }
    if (n > RV_SELECT_INLINE) {
        return select_many(n, cases, timeout);
    }
    struct inline_arms storage;
    struct arms arms = {.cells = storage.cells,
                        .locks = storage.locks,
                        .at_home = storage.at_home,
                        .order = storage.order};
    return select_with(n, cases, timeout, &arms);
}

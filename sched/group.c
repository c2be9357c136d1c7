// SPDX-License-Identifier: MIT
/*
 * Purpose: task groups: children that do not outlive the block that started them.
 *
 * Idea: asyncio's TaskGroup. `word` counts what keeps the exit waiting; EXITING in the same word
 * tells whoever takes the count to zero to wake the parent, so neither can miss the other.
 *
 *     child ends well      count - 1
 *     child fails          its error is noted; the first one aborts the group: a hidden task, run
 *                          as asyncio's done callback after whatever is ready now, cancels the
 *                          siblings and asks the parent's block for cancellation; then count - 1
 *     exit                 EXITING; wait for count 0; take the request back (uncancel)
 *
 * Once is_aborting is set no child is added, so the list stands still for who goes through it.
 *
 * Owner: the public struct, in a frame of the parent. Children are retained until the exit, since
 * handles are promised until then; their cells and handles are in chunks that never move.
 * Threads: enter and exit: the parent; create and cancel: any task; the end of a child: any thread.
 */
#include "sched/group.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/group_errors.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/task.h"

#include <rove/group.h>

#include <errno.h>
#include <stdlib.h>

#define EXITING UINT64_C(1)
#define ONE_CHILD UINT64_C(2)
#define CHUNK_MIN 4  /* arbitrary: most groups are small */
#define CHUNK_MAX 256 /* a chunk of 16 KiB; arbitrary */

struct child {
    struct rv_waiter cell;
    struct rove_future *task; /* retained */
};

struct chunk {
    struct chunk *next; /* the one made after it */
    uint32_t used, capacity;
    struct child children[];
};

struct __attribute__((may_alias)) group {
    RV_ATOMIC(uint64_t) word;   /* children that have not ended * ONE_CHILD | EXITING */
    struct rv_task *parent;     /* constant; NULL: not entered, or left */
    struct rv_lock lock;        /* guards what follows, but for the list once is_aborting is set */
    bool is_aborting;
    bool is_abort_queued;       /* a hidden task is on its way to abort */
    bool is_parent_cancelled;   /* by the group: to be taken back at the exit */
    struct chunk *first, *last; /* in the order of creation */
    struct rv_group_errors errors;
};

_Static_assert(sizeof(struct group) <= sizeof(rove_task_group), "a group fits in place");

static struct group *group_of(rove_task_group *g)
{
    return (struct group *)(void *)g;
}

void rove_task_group_enter(rove_task_group *group)
{
    struct group *g = group_of(group);
    if (g == NULL) {
        return;
    }
    *g = (struct group){.parent = rv_current_task()};
    if (g->parent == NULL) {
        return;
    }
    g->parent->future.is_known = 1; /* a child that fails cancels it */
    if (g->parent->group_spills != NULL) {
        rv_group_errors_forget(g->parent, g);
    }
}

static RV_ALWAYS_INLINE void count_and_wake(struct group *g, struct rv_task *parent)
{
    /* order: release Y1. What the child did and noted before the exit; pairs with wait_for_all. */
    if (rv_fetch_sub_release(&g->word, ONE_CHILD) == (ONE_CHILD | EXITING)) {
        rv_wake(parent);
    }
}

/*
 * From another runtime: the parent may see the count and end, and its runtime with it, before it is
 * woken. rv_runtime_end waits for visitors.
 */
static RV_NOINLINE void count_down_from_outside(struct group *g, struct rv_task *parent)
{
    struct rove_runtime *runtime = parent->runtime;
    rv_fetch_add_relaxed(&runtime->visitors, 1);
    count_and_wake(g, parent);
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
}

/* One that kept the exit waiting is through. Nothing of g is touched afterwards. */
static void count_down(struct group *g)
{
    struct rv_task *parent = g->parent;
    struct rv_worker *here = rv_current_worker();
    if (RV_UNLIKELY(here == NULL || here->runtime != parent->runtime)) {
        count_down_from_outside(g, parent);
    } else {
        count_and_wake(g, parent);
    }
}

/* Lock not held. True: the caller is the first, and cancels the children. */
static bool begin_abort(struct group *g, bool cancels_parent)
{
    rv_lock_acquire(&g->lock);
    bool is_first = !g->is_aborting;
    g->is_aborting = true;
    g->is_parent_cancelled |= is_first && cancels_parent;
    rv_lock_release(&g->lock);
    return is_first;
}

/* is_aborting is set, and the caller keeps the group from ending. */
static void cancel_children(const struct group *g)
{
    for (struct chunk *c = g->first; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->used; i++) {
            rv_future_cancel(c->children[i].task);
        }
    }
}

/* A child has failed, and the caller keeps the group from ending. */
static void abort_all(struct group *g)
{
    if (begin_abort(g, true)) {
        cancel_children(g);
        rv_future_cancel(&g->parent->future);
    }
}

static int abort_after_failure(void *arg, RV_UNUSED void **result)
{
    abort_all(arg);
    count_down(arg);
    return 0;
}

/* True: the child's count goes over to a hidden task that aborts the group. */
static bool note_failure(struct group *g, int error)
{
    rv_lock_acquire(&g->lock);
    rv_group_errors_add(&g->errors, error);
    bool is_first = !g->is_aborting && !g->is_abort_queued;
    g->is_abort_queued |= is_first;
    rv_lock_release(&g->lock);
    if (is_first && rv_task_run_hidden(g->parent->runtime, abort_after_failure, g) < 0) {
        abort_after_failure(g, NULL); /* no memory: sooner than asyncio, but not never */
    }
    return is_first;
}

static void end_child(struct group *g, struct rove_future *task)
{
    int error = task->error;
    rv_state_observe(&task->state);
    if (error >= 0 || error == -ECANCELED || !note_failure(g, error)) {
        count_down(g);
    }
}

/* The child's cell fires, under its future's lock. */
static bool child_ended(struct rv_waiter *w)
{
    end_child(w->owner, w->value);
    return false;
}

/* The next one, not yet in the list; NULL: no memory. */
static struct chunk *new_chunk(const struct chunk *last)
{
    uint32_t capacity = last == NULL ? CHUNK_MIN : 4 * last->capacity;
    capacity = capacity > CHUNK_MAX ? CHUNK_MAX : capacity;
    struct chunk *c = malloc(sizeof(*c) + capacity * sizeof(c->children[0]));
    if (c != NULL) {
        *c = (struct chunk){.capacity = capacity};
    }
    return c;
}

static void append_chunk(struct group *g, struct chunk *c)
{
    if (g->last == NULL) {
        g->first = c;
    } else {
        g->last->next = c;
    }
    g->last = c;
}

enum admission { ADMITTED, SHUT, FULL };

/* Lock held. A counted place for the child; a full list takes *spare and leaves NULL. */
static enum admission admit(struct group *g, struct rove_future *task, struct chunk **spare,
                            struct child **child)
{
    if (g->is_aborting || rv_load_relaxed(&g->word) == EXITING) {
        return SHUT;
    }
    if (g->last == NULL || g->last->used == g->last->capacity) {
        if (*spare == NULL) {
            return FULL;
        }
        append_chunk(g, *spare);
        *spare = NULL;
    }
    *child = &g->last->children[g->last->used++];
    (*child)->task = task;
    rv_fetch_add_relaxed(&g->word, ONE_CHILD);
    return ADMITTED;
}

/* Adds a task that does not run yet, with its handle. False: shut, or no memory. */
static bool adopt(struct group *g, struct rove_future *task)
{
    struct chunk *spare = NULL;
    struct child *child = NULL;
    enum admission admission;
    do {
        rv_lock_acquire(&g->lock);
        admission = admit(g, task, &spare, &child);
        struct chunk *last = g->last;
        rv_lock_release(&g->lock);
        if (admission == FULL) {
            spare = new_chunk(last);
        }
    } while (admission == FULL && spare != NULL);
    free(spare);
    if (admission != ADMITTED) {
        return false;
    }
    rv_waiter_init(&child->cell, g->parent);
    child->cell.owner = g;
    child->cell.value = task;
    child->cell.on_fire = child_ended;
    bool is_pending = rv_future_add_waiter(task, &child->cell);
    RV_CHECK(is_pending, "a task that was not started is not done");
    return true;
}

rove_task *rove_task_group_create_task(rove_task_group *group, rove_coro *fn, void *arg)
{
    struct group *g = group_of(group);
    struct rv_worker *w = rv_current_worker();
    if (w == NULL || rv_load_relaxed(&w->current) == NULL || fn == NULL || g == NULL ||
        g->parent == NULL) {
        return NULL;
    }
    struct rv_task *t = rv_task_create(w->runtime, w, NULL, fn, arg, 0);
    if (t == NULL) {
        return NULL;
    }
    if (!adopt(g, &t->future)) {
        /* As a coroutine that is closed before it began: cancelled, it ends without calling fn. */
        rv_future_cancel(&t->future);
        rv_task_start(t, false);
        rove_release(&t->future);
        return NULL;
    }
    bool is_eager = w->runtime->options.eager;
    rv_task_start(t, is_eager);
    if (is_eager && rv_state_is_done(&t->future.state) && t->future.error < 0 &&
        t->future.error != -ECANCELED) {
        abort_all(g); /* it failed inside this call: felt at once, as in asyncio */
    }
    return &t->future;
}

int rove_task_group_cancel(rove_task_group *group)
{
    struct group *g = group_of(group);
    if (rv_current_worker() == NULL) {
        return -EPERM;
    }
    if (g == NULL || g->parent == NULL) {
        return -EINVAL;
    }
    if (begin_abort(g, false)) {
        cancel_children(g);
    }
    return 0;
}

/* The parent was cancelled while it waited: the first one aborts. */
static void note_cancel(struct group *g, bool *propagates)
{
    if (begin_abort(g, false)) {
        *propagates = true;
        cancel_children(g);
    }
}

/* Until no child is left. True: a cancellation was taken; *propagates: it aborted the group. */
static bool wait_for_all(struct group *g, struct rv_task *self, bool *propagates)
{
    bool is_cancelled = false;
    bool has_waited = false;
    /* Who counts down to zero from here on wakes; that they are through is seen below. */
    rv_fetch_or_relaxed(&g->word, EXITING);
    /* order: acquire Y1. All that children did and noted; pairs with count_down. */
    while (rv_load_acquire(&g->word) != EXITING) {
        if (!rv_take_cancel(self)) {
            has_waited = true;
            rv_park(self, RV_WAIT_MANY, g);
            continue;
        }
        is_cancelled = true;
        note_cancel(g, propagates);
    }
    if (has_waited) {
        rv_resume_in_turn(self);
    }
    if (has_waited && rv_take_cancel(self)) {
        is_cancelled = true;
        note_cancel(g, propagates);
    }
    return is_cancelled;
}

static void release_children(struct group *g)
{
    while (g->first != NULL) {
        struct chunk *c = g->first;
        g->first = c->next;
        for (uint32_t i = 0; i < c->used; i++) {
            rove_release(c->children[i].task);
        }
        free(c);
    }
    g->last = NULL;
}

/* With an error to return, a request from outside stays pending: the next suspension sees it. */
static void renew_cancel(struct rv_task *self)
{
    if (rv_state_cancelling(&self->future.state) > 0) {
        rv_state_uncancel(&self->future.state);
        rv_future_cancel(&self->future);
    }
}

int rove_task_group_exit(rove_task_group *group, int rc)
{
    struct group *g = group_of(group);
    struct rv_task *self = rv_current_task();
    if (self == NULL || (g != NULL && g->parent != self)) {
        return -EPERM;
    }
    if (g == NULL) {
        return -EINVAL;
    }
    bool propagates = rc == -ECANCELED;
    if (rc < 0 && begin_abort(g, false)) {
        cancel_children(g);
    }
    bool is_cancelled = wait_for_all(g, self, &propagates);
    if (g->is_parent_cancelled) {
        /* The group's own request ends here; one that is left over is somebody else's. */
        bool is_other = rv_state_uncancel(&self->future.state) > 0;
        propagates = is_other && (propagates || is_cancelled);
    } else if (is_cancelled && rc >= 0) {
        propagates = true; /* also where rove_task_group_cancel was first to abort */
    }
    release_children(g);
    rv_group_errors_keep(&g->errors, self, g);
    g->parent = NULL;
    if (propagates && g->errors.count == 0) {
        return -ECANCELED;
    }
    int error = rc < 0 && rc != -ECANCELED ? rc : g->errors.kept > 0 ? g->errors.codes[0] : 0;
    if (error < 0) {
        renew_cancel(self);
    }
    return error;
}

size_t rove_task_group_errors(const rove_task_group *group, int errors[], size_t capacity)
{
    /* Before the exit children may add to them; afterwards the lock is free. */
    struct group *g = (struct group *)(uintptr_t)group;
    if (g == NULL) {
        return 0;
    }
    rv_lock_acquire(&g->lock);
    size_t count = rv_group_errors_copy(&g->errors, errors, capacity);
    rv_lock_release(&g->lock);
    return count;
}

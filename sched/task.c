// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks: create, start, first frame, finish, free. task.h has the life.
 *
 * References: the handle (the caller's), the runtime's (from create until the task's last switch).
 * The runtime's is dropped by the next context (rv_task_bury), since until then the stack is in
 * use. When nobody waits, one compare-exchange publishes DONE and drops it.
 */
#include "sched/task.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/fork.h"
#include "sched/group.h"
#include "sched/local.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/timeout.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RV_TASK_ID_BLOCK 1024 /* ids a worker takes at a time; with 64, bench/fib loses 4 % */

#if !RV_CONTEXT_HOOKS && !RV_VALGRIND
_Static_assert(sizeof(struct rove_future) == RV_CACHE_LINE, "the future is line 0");
_Static_assert(offsetof(struct rv_task, seat) + sizeof(void *) == 2 * RV_CACHE_LINE,
               "line 1 is for create, switch, free");
_Static_assert(sizeof(struct rv_task) <= 4 * RV_CACHE_LINE, "a million tasks are 256 MB");
#endif

static RV_ALWAYS_INLINE void free_block(struct rv_task *t)
{
    struct rv_worker *w = rv_current_worker();
    if (RV_LIKELY(w != NULL && rv_block_pool_of(t) == w->blocks.pool)) {
        rv_block_free(&w->blocks, t);
    } else {
        rv_block_free_remote(t);
    }
}

/* A block, and a stack to come: promised, or of another size and taken at once. NULL: no memory. */
static struct rv_task *alloc_block(struct rove_runtime *runtime, struct rv_worker *w,
                                   size_t stack_bytes)
{
    struct rv_task *t =
        w != NULL ? rv_block_alloc(&w->blocks) : rv_block_alloc_remote(runtime->blocks);
    if (RV_UNLIKELY(t == NULL)) {
        return NULL;
    }
    bool is_seated;
    if (RV_UNLIKELY(stack_bytes != 0 && stack_bytes != runtime->options.stack_size)) {
        is_seated = rv_seat_reserve(t, runtime, stack_bytes);
    } else {
        is_seated = w != NULL ? rv_seat_promise(w) : rv_stack_pool_promise(runtime->stacks, 1);
    }
    if (RV_UNLIKELY(!is_seated)) {
        free_block(t);
        return NULL;
    }
    return t;
}

static RV_NOINLINE void take_ids(struct rove_runtime *runtime, struct rv_worker *w)
{
    w->next_id = rv_fetch_add_relaxed(&runtime->next_task_id, RV_TASK_ID_BLOCK);
    w->last_id = w->next_id + RV_TASK_ID_BLOCK;
}

static RV_ALWAYS_INLINE uint64_t take_id(struct rove_runtime *runtime, struct rv_worker *w)
{
    if (RV_UNLIKELY(w == NULL)) {
        return rv_fetch_add_relaxed(&runtime->next_task_id, 1);
    }
    if (RV_UNLIKELY(w->next_id == w->last_id)) {
        take_ids(runtime, w);
    }
    return w->next_id++;
}

int rv_task_rename(struct rv_task *t, const char *name)
{
    char *copy = NULL;
    if (name != NULL) {
        size_t bytes = strlen(name) + 1;
        copy = bytes <= RV_TASK_NAME_BYTES ? t->short_name : malloc(bytes);
        if (copy == NULL) {
            return -ENOMEM;
        }
        memmove(copy, name, bytes);
    }
    if (t->name != t->short_name) {
        free(t->name);
    }
    t->name = copy;
    t->future.is_named = copy != NULL;
    return 0;
}

static void count_created(struct rove_runtime *runtime, struct rv_worker *w, bool is_hidden)
{
    if (w != NULL) {
        rv_count(&w->count.created, 1);
        if (is_hidden) {
            rv_count(&w->count.hidden_created, 1);
        }
    } else {
        if (is_hidden) {
            rv_fetch_add_relaxed(&runtime->hidden_outside, 1);
        }
        /* order: seq_cst R1. Counted before the look at is_stopping; pairs with begin_stop. */
        rv_fetch_add_seq_cst(&runtime->created_outside, 1);
    }
}

/* What not every creation asks for. 0 or -ENOMEM. */
static RV_NOINLINE int set_extras(struct rv_task *t, const char *name, const struct rv_task *parent)
{
    if (name != NULL && rv_task_rename(t, name) < 0) {
        return -ENOMEM;
    }
    return parent == NULL || parent->locals == NULL ? 0 : rv_locals_copy(t, parent);
}

/* What each life leaves behind: a block is handed out as its last task, or nobody, left it. */
static RV_ALWAYS_INLINE void assert_at_rest(struct rv_task *t)
{
    RV_ASSERT(!t->future.is_started && !t->future.is_laden, "no trace of a life in a free block");
    RV_ASSERT(!t->future.is_named && t->locals == NULL, "no name and no values in a free block");
    RV_ASSERT(!t->future.is_known, "nobody knows a free block");
    RV_ASSERT(t->awaiting == NULL && t->timeouts == NULL, "a free block waits for nothing");
    RV_ASSERT(t->group_spills == NULL && t->future.callbacks == NULL, "a free block owns nothing");
    RV_ASSERT(rv_load_relaxed(&t->future.solo) == NULL, "nobody waits in a free block");
    (void)t;
}

/* A block becomes a task. The phase comes last: it is the release. */
static RV_ALWAYS_INLINE void fill(struct rv_task *t, struct rove_runtime *runtime,
                                  rove_coro *fn, void *arg, unsigned flags)
{
    t->runtime = runtime;
    t->fn = fn;
    t->arg = arg;
    t->future.flags = (uint8_t)flags;
    rv_state_init(&t->future.state, (flags & RV_TASK_HIDDEN) != 0 ? 1 : 2);
}

/* PATH 2/14 -> sched/ready.h rv_ready_push_local */
struct rv_task *rv_task_create(struct rove_runtime *runtime, struct rv_worker *w,
                               const rove_task_options *options, rove_coro *fn, void *arg,
                               unsigned flags)
{
    struct rv_task *t = alloc_block(runtime, w, options == NULL ? 0 : options->stack_size);
    if (RV_UNLIKELY(t == NULL)) {
        return NULL;
    }
    assert_at_rest(t);
    /* Whoever happens to run when a callback becomes due is not its parent (local.h). */
    bool is_hidden = (flags & RV_TASK_HIDDEN) != 0;
    struct rv_task *parent = w == NULL || is_hidden ? NULL : rv_load_relaxed(&w->current);
    t->id = is_hidden ? 0 : take_id(runtime, w);
    int rc = set_extras(t, options == NULL ? NULL : options->name, parent);
    fill(t, runtime, fn, arg, flags | (runtime->options.debug ? RV_TASK_DEBUG : 0));
    if (RV_UNLIKELY(rc < 0)) {
        rv_task_discard(t);
        return NULL;
    }
    if (RV_UNLIKELY(t->future.flags & RV_TASK_DEBUG)) {
        t->site = NULL;
    }
    count_created(runtime, w, is_hidden);
    return t;
}

void rv_task_start(struct rv_task *t, bool is_eager)
{
    struct rv_worker *w = rv_current_worker();
    struct rv_task *self =
        w == NULL || w->runtime != t->runtime ? NULL : rv_load_relaxed(&w->current);
    if (is_eager && self != NULL) {
        rv_switch_to_child(self, t);
    } else {
        rv_ready_push(t);
    }
}

rove_task *rv_task_start_sure(rove_coro *fn, void *arg)
{
    struct rv_worker *w = rv_current_worker();
    struct rv_task *t = rv_task_create(w->runtime, w, NULL, fn, arg, RV_TASK_SURE);
    if (t == NULL) {
        return NULL;
    }
    rv_task_start(t, false);
    return &t->future;
}

int rv_task_run_hidden(struct rove_runtime *runtime, rove_coro *fn, void *ctx)
{
    struct rv_worker *w = rv_current_worker();
    w = w != NULL && w->runtime == runtime ? w : NULL;
    struct rv_task *t = rv_task_create(runtime, w, NULL, fn, ctx, RV_TASK_HIDDEN);
    if (t == NULL) {
        return -ENOMEM;
    }
    rv_ready_push(t);
    return 0;
}

bool rv_task_run_in_turn(rove_coro *fn, void *ctx)
{
    const struct rv_worker *w = rv_current_worker();
    return w != NULL && w->runtime->worker_count == 1 &&
           rv_task_run_hidden(w->runtime, fn, ctx) == 0;
}

/* Publishes a finished task that has waiters or callbacks, or might have. Keeps the references. */
static void publish(struct rv_task *t)
{
    uint64_t before;
    struct rove_future *f = &t->future;
    if (!rv_state_finish_unless(&f->state, 0, f->error >= 0 ? RV_STATE_CANCEL : 0, &before)) {
        f->error = -ECANCELED; /* a request that came after the last suspension point */
        f->result = NULL;
        before = rv_state_finish(&f->state, 0);
    }
    rv_future_notify(f, before);
}

/* A task that will never begin gives back what it was promised, or has. */
static void unseat(struct rv_task *t)
{
    if (t->seat != NULL) {
        rv_stack_free_remote(&t->seat->stack);
        t->seat = NULL;
    } else {
        rv_stack_pool_unpromise(t->runtime->stacks, 1);
    }
}

/* The stop may wait for t or hold a reference, and frees the runtime when t is counted out. */
RV_COLD void rv_task_refuse(struct rv_task *t)
{
    struct rove_runtime *runtime = t->runtime;
    rv_fetch_add_relaxed(&runtime->visitors, 1);
    unseat(t);
    t->future.error = -ECANCELED;
    t->future.result = NULL;
    publish(t);
    rove_release(&t->future);
    rove_release(&t->future);
    /* order: seq_cst R1. With the count of its creation; pairs with rv_runtime_live. */
    rv_fetch_add_seq_cst(&runtime->finished_outside, 1);
    rv_park_notify_all(&runtime->stopper);
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
}

static RV_NOINLINE void unload(struct rv_task *t)
{
    rv_timeout_check_left(t);
    rv_group_forget_errors(t);
    rv_locals_free(t);
    t->future.is_laden = 0;
}

/* Somebody waits for t, or a cancellation does. */
static RV_NOINLINE void finish_watched(struct rv_task *t, int rc, void *result)
{
    if (rc >= 0 && rv_take_cancel(t)) {
        rc = -ECANCELED; /* asyncio: cancelled right before it returned */
    }
    t->future.error = rc;
    t->future.result = rc >= 0 ? result : NULL;
    if (rv_load_relaxed(&t->future.state) & RV_STATE_AWAITED) {
        publish(t);
    }
}

/* PATH 12/14 -> sched/notify.c rv_future_notify */
static RV_ALWAYS_INLINE void task_finish(struct rv_task *t, int rc, void *result)
{
    if (RV_UNLIKELY(t->future.is_laden != 0 || t->locals != NULL)) {
        unload(t);
    }
    if (rv_load_relaxed(&t->future.state) & (RV_STATE_AWAITED | RV_STATE_CANCEL)) {
        finish_watched(t, rc, result);
        return;
    }
    t->future.error = rc;
    t->future.result = rc >= 0 ? result : NULL;
}

/* Begins where another one ended: what that one left in the processor is put right. */
static RV_ALWAYS_INLINE void begin_in_place(const struct rove_runtime *runtime)
{
    if (RV_UNLIKELY(rv_context_float_mode() != runtime->float_mode)) {
        rv_context_use_float_mode(runtime->float_mode);
    }
}

static RV_ALWAYS_INLINE bool is_cancelled_before(struct rv_task *t)
{
    return RV_UNLIKELY(rv_state_has_cancel(&t->future.state)) &&
           (t->future.flags & RV_TASK_SURE) == 0 && rv_take_cancel(t);
}

/* A seat's tasks, one a turn. Either the next begins on it at once, or the context rests in the
 * last switch and is handed out as it is: a new task costs no new context. */
/* PATH 8/14 -> sched/suspend.c rv_park */
static RV_NO_STACK_PROTECTOR void task_entry(void *arg, struct rv_context *from)
{
    struct rv_task *t = arg;
    (void)from;
    for (;;) {
        rv_switch_arrive(t->worker);
        void *result = NULL;
        int rc = is_cancelled_before(t) ? -ECANCELED : t->fn(t->arg, &result);
        if (RV_UNLIKELY(rv_fork_in_task)) {
            rv_fork_end_child(t);
        }
        task_finish(t, rc, result);
        struct rv_task *next = rv_switch_next(t->worker, t, RV_AFTER_FINISH);
        struct rv_context *to = rv_switch_context(t->worker, next);
        if (t->seat == NULL) {
            t = next;
            begin_in_place(t->runtime);
        } else {
#if RV_CONTEXT_HOOKS
            rv_context_exit_switch(&t->context, to, next);
#else
            t = rv_context_switch(&t->context, to, next);
#endif
        }
    }
}

void rv_task_make_context(struct rv_task *t)
{
    const struct rv_stack *stack = &t->seat->stack;
    rv_context_make(&t->context, stack->low, stack->high, task_entry);
    rv_context_set_float_mode(&t->context, t->runtime->float_mode);
}

/* t has ended on w: its seat and its count. */
static RV_ALWAYS_INLINE void count_out(struct rv_worker *w, struct rv_task *t)
{
    rv_seat_leave(w, t);
    /* order: release R3. What it created is counted before its end; pairs with rv_runtime_live. */
    rv_store_release(&w->count.finished, rv_load_relaxed(&w->count.finished) + 1);
}

/* Publishes the outcome if that is left, and drops the runtime's reference. */
static RV_ALWAYS_INLINE void settle_outcome(struct rove_future *f)
{
    uint64_t before;
    uint64_t unless = RV_STATE_AWAITED | RV_STATE_STOPPED;
    unless |= f->error >= 0 ? RV_STATE_CANCEL : 0;
    if (RV_LIKELY(rv_state_finish_unless(&f->state, 1, unless, &before))) {
        if (rv_state_refs(before) == 1) {
            rv_future_destroy(f);
        }
        return;
    }
    if (!rv_state_is_done(&f->state)) {
        publish(rv_task_of(f));
    }
    rove_release(f);
}

RV_NOINLINE void rv_task_bury(struct rv_worker *w, struct rv_task *t)
{
    count_out(w, t);
    if (RV_UNLIKELY(t->future.flags & RV_TASK_HIDDEN)) {
        rv_count(&w->count.hidden_finished, 1);
    }
    settle_outcome(&t->future);
}

/* The same, of one whose creation has not returned yet to who is about to run. */
static RV_ALWAYS_INLINE void bury_fresh(struct rv_worker *w, struct rv_task *t)
{
    RV_ASSERT((t->future.flags & RV_TASK_HIDDEN) == 0, "a hidden task is nobody's child");
    count_out(w, t);
    bool is_over = rv_walk_enter(&w->burial, &w->runtime->walk) && !t->future.is_known &&
                   rv_state_finish_unseen(&t->future.state);
    rv_walk_leave(&w->burial);
    if (RV_UNLIKELY(!is_over)) {
        settle_outcome(&t->future);
    }
}

/* Back to rest; not the context. */
static RV_NOINLINE void lay_down(struct rv_task *t)
{
    if ((t->future.flags & RV_TASK_DEBUG) != 0 && t->future.error < 0) {
        rv_task_report_unread(t);
    }
    if (t->future.is_named) {
        rv_task_rename(t, NULL);
    }
    rv_locals_free(t);
    t->future.has_woken = 0;
}

/* PATH 14/14 */
void rv_task_destroy(struct rv_task *t)
{
    if (RV_UNLIKELY((t->future.flags & RV_TASK_DEBUG) != 0 || t->future.is_named != 0 ||
                    t->future.has_woken != 0 || t->locals != NULL)) {
        lay_down(t);
    }
    t->future.is_known = 0;
    t->future.is_started = false;
    rv_state_retire(&t->future.state);
    free_block(t);
}

void rv_task_discard(struct rv_task *t)
{
    unseat(t);
    rv_task_destroy(t);
}

/* Anything but a plain task: by rv_task_create. */
static RV_NOINLINE rove_task *create_special(struct rv_worker *w, const rove_task_options *options,
                                             rove_coro *fn, void *arg, const void *site)
{
    unsigned flags = options != NULL && options->pinned ? RV_TASK_PINNED : 0;
    bool is_eager = w->runtime->options.eager || (options != NULL && options->eager);
    struct rv_task *t = rv_task_create(w->runtime, w, options, fn, arg, flags);
    if (RV_UNLIKELY(t == NULL)) {
        return NULL;
    }
    if (RV_UNLIKELY(t->future.flags & RV_TASK_DEBUG)) {
        t->site = site;
    }
    rv_task_start(t, is_eager);
    return &t->future;
}

static bool is_plain(const rove_task_options *options)
{
    return options == NULL ||
           (options->name == NULL && options->stack_size == 0 && !options->pinned);
}

static RV_ALWAYS_INLINE rove_task *create_task(const rove_task_options *options, rove_coro *fn,
                                               void *arg, const void *site)
{
    struct rv_worker *w = rv_current_worker();
    struct rv_task *self = w == NULL ? NULL : rv_load_relaxed(&w->current);
    if (RV_UNLIKELY(self == NULL || fn == NULL)) {
        return NULL;
    }
    struct rove_runtime *runtime = w->runtime;
    if (RV_UNLIKELY(self->locals != NULL || w->is_debug) || !is_plain(options)) {
        return create_special(w, options, fn, arg, site);
    }
    struct rv_task *t = rv_block_alloc(&w->blocks);
    if (RV_UNLIKELY(t == NULL)) {
        return NULL;
    }
    if (RV_UNLIKELY(!rv_seat_promise(w))) {
        rv_block_free(&w->blocks, t);
        return NULL;
    }
    assert_at_rest(t);
    t->id = take_id(runtime, w);
    fill(t, runtime, fn, arg, 0);
    rv_count(&w->count.created, 1);
    if (runtime->options.eager || (options != NULL && options->eager)) {
        if (RV_LIKELY(rv_switch_to_child_inline(self, t, true))) {
            bury_fresh(self->worker, t);
        }
    } else {
        /* PATH 3/14 -> sched/idle.c rv_idle_notify */
        rv_ready_push_local(w, t);
    }
    return &t->future;
}

/* PATH 1/14 -> sched/task.c rv_task_create */
RV_NO_STACK_PROTECTOR rove_task *rove_create_task(rove_coro *fn, void *arg)
{
    return create_task(NULL, fn, arg, __builtin_return_address(0));
}

RV_NO_STACK_PROTECTOR rove_task *rove_create_task_with(const rove_task_options *options,
                                                       rove_coro *fn, void *arg)
{
    return create_task(options, fn, arg, __builtin_return_address(0));
}

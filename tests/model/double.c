// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks for models. double.h has the idea.
 * Threads: those of the model.
 */
#include "double.h"

#include "core/os.h"
#include "sched/current.h"
#include "sched/debug.h"
#include "sched/fork.h"
#include "sched/outside.h"
#include "sched/hold.h"
#include "sched/overflow.h"
#include "sched/ready.h"
#include "sched/seat.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/watch.h"

#include <string.h>

#define BLOCKS 12

unsigned rv_fork_count;
bool rv_fork_in_task;

static struct rove_runtime runtime;
static struct rv_worker workers[RV_MODEL_THREADS];
static struct {
    _Alignas(RV_BLOCK_CHUNK) struct rv_block_pool *pool;
    _Alignas(RV_CACHE_LINE) struct rv_task tasks[BLOCKS];
} chunk; /* as core/block.h has them */
static struct rv_seat seats[BLOCKS];
static _Alignas(4096) unsigned char pages[96 * 1024];
static size_t pages_used;
static unsigned blocks_used, blocks_own; /* those of the threads come first */
static struct rv_worker *worker_of[RV_MODEL_THREADS];
static void (*push_instead)(struct rv_worker *w, struct rv_task *t);
static void (*leave_instead)(struct rv_task *self);
static bool has_run_out;
static rv_context_entry entries[RV_MODEL_THREADS]; /* where the thread's task begins */

static void log_nothing(void *ctx, int level, const char *message)
{
    (void)ctx;
    (void)level;
    rv_model_fail("nothing is logged here: %s", message);
}

void rv_double_begin(unsigned n)
{
    rv_model_set_fences(true);
    rv_model_fill(&runtime, 0, sizeof runtime);
    rv_model_fill(workers, 0, sizeof workers);
    rv_model_fill(&chunk, 0, sizeof chunk);
    rv_model_fill(seats, 0, sizeof seats);
    blocks_used = 0;
    has_run_out = false;
    push_instead = NULL;
    leave_instead = NULL;
    runtime.workers = workers;
    runtime.options.log = log_nothing;
    runtime.worker_count = RV_MODEL_THREADS;
    for (unsigned i = 0; i < RV_MODEL_THREADS; i++) {
        worker_of[i] = i <= n ? &workers[i] : NULL;
        workers[i].runtime = &runtime;
        workers[i].idx = i;
        workers[i].tick = 1;
        rv_timers_init(&workers[i].timers);
        workers[i].promises = BLOCKS;
        rv_block_cache_init(&workers[i].blocks, NULL);
    }
    for (unsigned i = 0; i <= n; i++) {
        struct rv_task *t = rv_task_create(&runtime, &workers[0], NULL, NULL, NULL, 0);
        t->worker = &workers[i];
        t->future.is_started = true;
        rv_store_relaxed(&workers[i].current, t);
    }
    blocks_own = blocks_used;
}

void rv_double_end(void)
{
    for (unsigned i = 0; i < RV_MODEL_THREADS; i++) {
        rv_timers_fini(&workers[i].timers);
    }
}

struct rv_task *rv_double_task(unsigned thread)
{
    return &chunk.tasks[thread];
}

struct rv_worker *rv_double_worker(unsigned thread)
{
    return &workers[thread];
}

struct rove_runtime *rv_double_runtime(void)
{
    return &runtime;
}

void rv_double_run_out(void)
{
    has_run_out = true;
}

/* A plain write, with which no use of the word by another thread may race. */
void rv_double_unmap(struct rv_task *t)
{
    *(uint64_t *)&t->future.state = 0;
}

void rv_double_fire(unsigned of)
{
    (void)rv_timers_fire(&workers[of].timers, INT64_MAX - 1);
}

struct rv_worker *rv_current_worker(void)
{
    return worker_of[rv_model_self()];
}

void rv_double_be_worker(struct rv_worker *w)
{
    worker_of[rv_model_self()] = w;
}

void rv_double_set_push(void (*push)(struct rv_worker *w, struct rv_task *t))
{
    push_instead = push;
}

void rv_double_set_leave(void (*leave)(struct rv_task *self))
{
    leave_instead = leave;
}

static void run_task(void *arg)
{
    struct rv_task *t = arg;
    unsigned self = rv_model_self();
    worker_of[self] = &workers[self];
    rv_store_relaxed(&workers[self].current, t);
    t->worker = &workers[self];
    t->future.is_started = true;
    t->seat = &seats[t - chunk.tasks];
    rv_task_make_context(t);
    t->context.sp = NULL;
    entries[self](t, NULL);
}

void rv_double_push(struct rv_task *t)
{
    if (!t->future.is_started) {
        rv_model_spawn(run_task, t);
        return;
    }
    RV_MODEL_CHECK(t->context.sp != NULL, "a task is resumed by its saved registers");
    rv_model_unblock(t->worker->idx);
}

void rv_ready_push(struct rv_task *t)
{
    if (push_instead != NULL) {
        push_instead(rv_current_worker(), t);
    } else {
        rv_double_push(t);
    }
}

void rv_ready_push_local(struct rv_worker *w, struct rv_task *t)
{
    (void)w;
    rv_ready_push(t);
}

const char *rv_task_name(struct rv_task *t)
{
    return t->short_name;
}

void rv_switch_away(struct rv_task *self, enum rv_after after)
{
    struct rv_worker *w = self->worker;
    rv_count(&w->step, 1);
    if (after == RV_AFTER_READY) {
        rv_model_point("yield");
        return;
    }
    self->context.sp = self;
    if (leave_instead != NULL) {
        leave_instead(self);
    } else if (rv_state_park(&self->future.state)) {
        rv_model_block(false);
    }
    self->context.sp = NULL;
}

void rv_switch_to_child(struct rv_task *self, struct rv_task *child)
{
    (void)self;
    rv_ready_push(child);
}

void rv_switch_arrive(struct rv_worker *w)
{
    (void)w;
}

void rv_hold_begin(const void *mutex, const struct rv_task *self, int64_t since_ns)
{
    (void)mutex;
    (void)self;
    (void)since_ns;
}

void rv_hold_end(const void *mutex)
{
    (void)mutex;
}

void rv_switch_settle_task(const struct rv_task *t)
{
    (void)t;
}

struct rv_task *rv_switch_next(struct rv_worker *w, struct rv_task *self, enum rv_after after)
{
    (void)w;
    (void)self;
    (void)after;
    return NULL;
}

void rv_double_context_make(struct rv_context *ctx, void *low, void *high, rv_context_entry entry)
{
    static uint64_t frames[RV_MODEL_THREADS]; /* where a fresh context keeps its float mode */
    (void)low;
    (void)high;
    ctx->sp = &frames[rv_model_self()];
    entries[rv_model_self()] = entry;
}

void rv_context_exit_switch(struct rv_context *from, struct rv_context *to, void *arg)
{
    struct rv_task *t = rv_container_of(from, struct rv_task, context);
    struct rv_worker *w = rv_container_of(to, struct rv_worker, scheduler);
    (void)arg;
    rv_task_bury(w, t);
    rv_model_exit();
}

void rv_context_fini(struct rv_context *ctx)
{
    (void)ctx;
}

void rv_block_cache_init(struct rv_block_cache *c, struct rv_block_pool *pool)
{
    c->pool = pool;
    c->count = 0;
}

/* Blocks are handed out once and again by the same worker; what one gives back another never gets,
 * so that nothing but the state word orders two uses. */
RV_NO_TSAN bool rv_block_cache_refill(struct rv_block_cache *c)
{
    RV_MODEL_CHECK(blocks_used < BLOCKS, "a model has few tasks");
    c->items[c->count++] = &chunk.tasks[blocks_used++];
    return true;
}

void rv_block_cache_spill(struct rv_block_cache *c)
{
    (void)c;
    rv_model_fail("a model frees few tasks");
}

RV_NO_TSAN void *rv_block_alloc_remote(struct rv_block_pool *pool)
{
    (void)pool;
    if (has_run_out) {
        return NULL;
    }
    RV_MODEL_CHECK(blocks_used < BLOCKS, "a model has few tasks");
    return &chunk.tasks[blocks_used++];
}

void rv_block_free_remote(void *block)
{
    struct rv_task *t = block;
    t->fn = NULL; /* a use of the block, as a free is */
}

void rv_stack_cache_spill(struct rv_stack_cache *c)
{
    (void)c;
    rv_model_fail("a model has few stacks");
}

void rv_stack_free_remote(struct rv_stack *s)
{
    (void)s;
    rv_model_fail("a model has one pool of stacks");
}

void rv_double_count_block(void *block, void *ctx)
{
    unsigned *n = ctx;
    RV_MODEL_CHECK(block != NULL && (uintptr_t)block % RV_CACHE_LINE == 0, "a block");
    (*n)++;
}

void rv_double_map_afresh(void)
{
    pages_used = 0;
}

/* Zero when it is fresh, and never used twice. */
void *rv_os_map(size_t bytes)
{
    unsigned char *at = pages + pages_used;
    pages_used += (bytes + 4095) / 4096 * 4096;
    RV_MODEL_CHECK(pages_used <= sizeof pages, "a model maps little");
    rv_model_fill(at, 0, bytes);
    return at;
}

void rv_os_unmap(void *addr, size_t bytes)
{
    (void)addr;
    (void)bytes;
}

/* There is but one pool of each: of blocks, and of no stacks. */
int rv_block_pool_create(size_t block_bytes, struct rv_block_pool **pool)
{
    (void)block_bytes;
    *pool = NULL;
    return 0;
}

void rv_block_pool_release(struct rv_block_pool *pool)
{
    (void)pool;
}

RV_NO_TSAN void rv_block_pool_for_each(struct rv_block_pool *pool,
                                       void (*visit)(void *block, void *ctx), void *ctx)
{
    (void)pool;
    for (unsigned i = blocks_own; i < blocks_used; i++) {
        visit(&chunk.tasks[i], ctx);
    }
}

int rv_stack_pool_create(size_t stack_bytes, size_t block_bytes, size_t stack_offset,
                         struct rv_stack_pool **pool)
{
    (void)stack_bytes;
    (void)block_bytes;
    (void)stack_offset;
    *pool = NULL;
    return 0;
}

void rv_stack_pool_release(struct rv_stack_pool *pool)
{
    (void)pool;
}

bool rv_stack_pool_promise(struct rv_stack_pool *pool, size_t stacks)
{
    (void)pool;
    (void)stacks;
    return true;
}

void rv_stack_pool_unpromise(struct rv_stack_pool *pool, size_t stacks)
{
    (void)pool;
    (void)stacks;
}

bool rv_seat_promise_more(struct rv_worker *w)
{
    w->promises = BLOCKS;
    return true;
}

void rv_seat_promise_less(struct rv_worker *w)
{
    (void)w;
    rv_model_fail("a model has few tasks");
}

bool rv_seat_reserve(struct rv_task *t, struct rove_runtime *of, size_t stack_bytes)
{
    (void)t;
    (void)of;
    (void)stack_bytes;
    return false;
}

/* What else a runtime starts and ends. */
void rv_overflow_start(void)
{
}

int rv_fork_start(struct rove_runtime *of)
{
    of->fork_count = rv_fork_count;
    return 0;
}

void rv_debug_start(struct rove_runtime *of)
{
    (void)of;
}

void rv_debug_report_leaks(struct rove_runtime *of)
{
    (void)of;
}

void rv_debug_report_stuck(struct rv_worker *victim, int64_t since_ns)
{
    (void)victim;
    (void)since_ns;
}

void rv_debug_stop(struct rove_runtime *of)
{
    (void)of;
}

/* Nobody looks for deadlocks in models. */
bool rv_outside_enter(struct rv_outsider *o, const struct rv_waiter *cell)
{
    (void)o;
    (void)cell;
    return false;
}

void rv_outside_leave(struct rv_outsider *o)
{
    (void)o;
}

void rv_deadlock_set_main(struct rove_runtime *of, struct rv_task *t)
{
    (void)of;
    (void)t;
}

void rv_fork_end_child(const struct rv_task *t)
{
    (void)t;
    rv_model_fail("a model does not fork");
}

/* Debug mode is off in models. */
void rv_debug_set_site(struct rove_future *f, const void *site)
{
    (void)f;
    (void)site;
}

void rv_debug_report_unread(struct rove_future *f)
{
    (void)f;
}

void rv_debug_future_free(struct rove_future *f)
{
    (void)f;
}

void *rv_debug_future_alloc(struct rove_runtime *of, size_t bytes)
{
    (void)of;
    (void)bytes;
    return NULL;
}


// SPDX-License-Identifier: MIT
/*
 * Purpose: what the rest of sched/ asks of a runtime: injection, stack classes, the log, its tasks.
 */
#include "core/check.h"
#include "sched/current.h"
#include "sched/fork.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/task.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

void rv_runtime_inject(struct rove_runtime *runtime, struct rv_task *t)
{
    if (rv_fork_is_dead(runtime)) {
        return;
    }
    rv_lock_acquire(&runtime->inject_lock);
    rv_fifo_push(&runtime->injected, &t->queue_link);
    rv_store_relaxed(&runtime->injected_count, rv_load_relaxed(&runtime->injected_count) + 1);
    rv_lock_release(&runtime->inject_lock);
    rv_idle_notify(runtime);
}

struct rv_stack_pool *rv_runtime_stack_class(struct rove_runtime *runtime, size_t stack_bytes)
{
    unsigned idx = 0;
    while (idx < RV_RUNTIME_STACK_CLASSES && (RV_STACK_MIN_BYTES << idx) < stack_bytes) {
        idx++;
    }
    if (idx == RV_RUNTIME_STACK_CLASSES) {
        return NULL;
    }
    rv_lock_acquire(&runtime->class_lock);
    struct rv_stack_pool *pool = runtime->stack_classes[idx];
    if (pool == NULL && rv_stack_pool_create(RV_STACK_MIN_BYTES << idx, sizeof(struct rv_seat),
                                             offsetof(struct rv_seat, stack), &pool) == 0) {
        runtime->stack_classes[idx] = pool;
    }
    rv_lock_release(&runtime->class_lock);
    return pool;
}

void rv_runtime_log(struct rove_runtime *runtime, int level, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (runtime->options.log != NULL) {
        runtime->options.log(runtime->options.log_ctx, level, message);
    } else if (level <= LOG_NOTICE || runtime->options.debug) {
        fprintf(stderr, "%s\n", message);
    }
}

struct visitor {
    void (*visit)(struct rv_task *t, void *ctx);
    void *ctx;
};

static void visit_block(void *block, void *ctx)
{
    const struct visitor *v = ctx;
    struct rv_task *t = block;
    if (!rv_state_retain_live(&t->future.state)) {
        return;
    }
    if ((t->future.flags & RV_TASK_HIDDEN) != 0) {
        rove_release(&t->future);
    } else {
        v->visit(t, v->ctx);
    }
}

void rv_runtime_for_each_block(struct rove_runtime *runtime,
                               void (*visit)(void *block, void *ctx), void *ctx)
{
    rv_block_pool_for_each(runtime->blocks, visit, ctx);
}

void rv_runtime_for_each_task(struct rove_runtime *runtime,
                              void (*visit)(struct rv_task *t, void *ctx), void *ctx)
{
    struct visitor v = {visit, ctx};
    rv_walk_begin(&runtime->walk);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        rv_walk_wait(&runtime->workers[i].burial);
    }
    rv_runtime_for_each_block(runtime, visit_block, &v);
    rv_walk_end(&runtime->walk);
}

struct collection {
    struct rv_task **tasks;
    size_t n, capacity;
    bool is_short; /* of memory: somebody is missing */
};

static void collect(struct rv_task *t, void *ctx)
{
    struct collection *c = ctx;
    if (c->n == c->capacity) {
        size_t capacity = c->capacity == 0 ? 64 : c->capacity * 2;
        struct rv_task **grown = realloc(c->tasks, capacity * sizeof *grown);
        c->tasks = grown != NULL ? grown : c->tasks;
        c->capacity = grown != NULL ? capacity : c->capacity;
    }
    if (c->n == c->capacity) {
        c->is_short = true;
        rove_release(&t->future);
        return;
    }
    c->tasks[c->n++] = t;
}

struct rv_task **rv_runtime_tasks(struct rove_runtime *runtime, size_t *n)
{
    struct collection c = {0};
    rv_runtime_for_each_task(runtime, collect, &c);
    while (c.is_short && c.n > 0) {
        rove_release(&c.tasks[--c.n]->future);
    }
    if (c.is_short) {
        free(c.tasks);
        c.tasks = NULL;
    }
    *n = c.n;
    return c.tasks;
}

static bool is_unread(const struct rv_task *t)
{
    return (rv_load_relaxed(&t->future.state) & RV_STATE_OBSERVED) == 0 && t->future.error < 0 &&
           t->future.error != -ECANCELED;
}

void rv_task_report_leftover(struct rv_task *t)
{
    if (is_unread(t)) {
        rv_state_observe(&t->future.state);
        rv_runtime_log(t->runtime, LOG_ERR, "rove: the error of task %s was never read: %s",
                       rv_task_name(t), rove_strerror(t->future.error));
    }
}

void rv_task_report_unread(struct rv_task *t)
{
    struct rv_worker *w = rv_current_worker();
    if (w != NULL && w->runtime == t->runtime) {
        rv_task_report_leftover(t);
    } else if (is_unread(t)) {
        fprintf(stderr, "rove: the error of task %s was never read: %s\n", rv_task_name(t),
                rove_strerror(t->future.error));
    }
}

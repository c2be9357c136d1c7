// SPDX-License-Identifier: MIT
/*
 * Purpose: the rarer ways of a runnable task: pinned, from outside, overflow, injection.
 * ready.h has the idea and the hot paths.
 */
#include "sched/ready.h"

#include "sched/current.h"
#include "sched/idle.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#define RV_READY_INJECT_BATCH 32 /* arbitrary: an eighth of a run queue */

static void receive_pinned(struct rv_worker *w, struct rv_message *message)
{
    struct rv_task *t = rv_container_of(message, struct rv_task, ready_message);
    rv_fifo_push(&w->pinned, &t->queue_link);
}

RV_COLD void rv_ready_push_pinned(struct rv_worker *here, struct rv_task *t)
{
    struct rv_worker *home = t->worker;
    if (home == here) {
        rv_fifo_push(&home->pinned, &t->queue_link);
        return;
    }
    t->ready_message.receive = receive_pinned;
    rv_worker_post(home, &t->ready_message);
}

/*
 * A thread that is no worker of t's runtime. Until t is queued, t keeps its runtime alive; then it
 * may run, be the last to end, and the runtime with it, while this thread still wakes a worker.
 */
RV_COLD void rv_ready_push_outside(struct rv_worker *here, struct rv_task *t)
{
    struct rove_runtime *runtime = t->runtime;
    rv_fetch_add_relaxed(&runtime->visitors, 1);
    if (rv_ready_is_bound(t)) {
        rv_ready_push_pinned(here, t);
    } else {
        rv_runtime_inject(runtime, t);
    }
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
}

/*
 * Inside the bias section; leaves it. The run queue has room: refills it from the overflow. Thieves
 * may have emptied it before, and told nobody of what is put there now. They may even empty it
 * again at once; but NULL says that nothing is queued here, and its owner would sleep.
 */
RV_COLD struct rv_task *rv_ready_refill(struct rv_worker *w, struct rv_task *t)
{
    (void)rv_runq_refresh_base(&w->runq); /* a lone worker's is old by then */
    do {
        while (!rv_backlog_is_empty(&w->overflow) &&
               rv_runq_push(&w->runq, rv_backlog_first(&w->overflow))) {
            rv_backlog_pop(&w->overflow);
        }
        t = t != NULL ? t : rv_runq_pop(&w->runq);
    } while (t == NULL && !rv_backlog_is_empty(&w->overflow));
    rv_bias_owner_leave(&w->bias);
    rv_idle_notify(w->runtime);
    return t;
}

/* Inside the bias section; leaves it. */
RV_NOINLINE void rv_ready_push_overflow(struct rv_worker *w, struct rv_task *t)
{
    int rc = rv_backlog_push(&w->overflow, t);
    rv_bias_owner_leave(&w->bias);
    if (RV_UNLIKELY(rc < 0)) {
        rv_runtime_inject(w->runtime, t);
    }
}

RV_COLD void rv_ready_push_cont_pinned(struct rv_worker *w, struct rv_task *t)
{
    rv_fifo_push_front(&w->pinned, &t->queue_link);
    w->is_pinned_first = true;
}

RV_COLD struct rv_task *rv_ready_pop_pinned(struct rv_worker *w)
{
    w->is_pinned_first = false;
    struct rv_fifo_node *node = rv_fifo_pop(&w->pinned);
    return node == NULL ? NULL : rv_container_of(node, struct rv_task, queue_link);
}

RV_HOT struct rv_task *rv_ready_pick_fair(struct rv_worker *w)
{
    struct rv_task *t = w->is_pinned_first ? rv_ready_pop_pinned(w) : NULL;
    if (t == NULL && !rv_fifo_is_empty(&w->pinned) && (rv_rand_next(&w->rand) & 1) != 0) {
        t = rv_ready_pop_pinned(w);
    }
    if (t == NULL) {
        t = rv_ready_pop_cont(w);
    }
    if (t == NULL) {
        t = rv_ready_pop_queued(w);
    }
    return t != NULL ? t : rv_ready_pop_pinned(w);
}

RV_HOT bool rv_ready_is_empty(const struct rv_worker *w)
{
    struct rv_worker *self = &w->runtime->workers[w->idx];
    return self->only == NULL && rv_runq_is_empty_owner(&self->runq) &&
           rv_deque_size_hint(&self->conts) == 0 && rv_fifo_is_empty(&self->pinned);
}

void rv_ready_take_share(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    struct rv_fifo_node *taken[RV_READY_INJECT_BATCH];
    unsigned n = 0;
    rv_lock_acquire(&runtime->inject_lock);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    unsigned share = count / runtime->worker_count + 1;
    while (n < share && n < RV_READY_INJECT_BATCH && !rv_fifo_is_empty(&runtime->injected)) {
        taken[n++] = rv_fifo_pop(&runtime->injected);
    }
    rv_store_relaxed(&runtime->injected_count, count - n);
    rv_lock_release(&runtime->inject_lock);
    rv_count(&w->count.injected, n);
    for (unsigned i = 0; i < n; i++) {
        rv_ready_push_local(w, rv_container_of(taken[i], struct rv_task, queue_link));
    }
}

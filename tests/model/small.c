// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime in small. small.h has the idea.
 * Threads: workers, which rove_runtime_start makes; start and stop on any other.
 */
#include "small.h"

#include "double.h"

#include "core/os.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <errno.h>
#include <syslog.h>

struct rv_small rv_small;

static unsigned sleepers[RV_MODEL_THREADS]; /* the thread of each worker */

/* The back-end */

static int start_all(struct rove_runtime *runtime)
{
    (void)runtime;
    return 0;
}

static void stop_all(struct rove_runtime *runtime)
{
    (void)runtime;
    if (rv_small.must_outlive && rv_small.outside != 0) {
        rv_model_join(rv_small.outside);
    }
}

static int start_one(struct rv_worker *w)
{
    (void)w;
    return rv_small.start_error;
}

static void stop_one(struct rv_worker *w)
{
    (void)w;
}

static void wake(struct rv_worker *w)
{
    rv_model_unblock(sleepers[w->idx]);
}

static const struct rv_poller_ops poller = {
    .name = "model",
    .runtime_start = start_all,
    .runtime_stop = stop_all,
    .worker_start = start_one,
    .worker_stop = stop_one,
    .wake = wake,
};

const struct rv_poller_ops *rv_poller_pick(rove_backend wanted, unsigned n)
{
    (void)wanted;
    return n == 0 ? &poller : NULL;
}

void rv_poller_report(struct rove_runtime *runtime, const struct rv_poller_ops *refused, int error)
{
    RV_MODEL_CHECK((refused == NULL) == (error == 0), "who is refused is given a reason");
    if (refused != NULL) {
        rv_runtime_log(runtime, LOG_NOTICE, "%s: %d", refused->name, error);
    }
}

/* Workers */

int rv_worker_init(struct rv_worker *w, struct rove_runtime *runtime, unsigned idx)
{
    w->runtime = runtime;
    w->idx = idx;
    w->tick = 1;
    rv_inbox_init(&w->inbox);
    rv_fifo_init(&w->pinned);
    rv_block_cache_init(&w->blocks, runtime->blocks);
    return rv_timers_init(&w->timers);
}

void rv_worker_fini(struct rv_worker *w)
{
    rv_timers_fini(&w->timers);
}

void rv_worker_post(struct rv_worker *w, struct rv_message *message)
{
    (void)w;
    (void)message;
    rv_model_fail("no task is pinned here");
}

static struct rv_task *take_injected(struct rove_runtime *runtime)
{
    if (rv_load_relaxed(&runtime->injected_count) == 0) {
        return NULL;
    }
    rv_lock_acquire(&runtime->inject_lock);
    struct rv_fifo_node *node = rv_fifo_pop(&runtime->injected);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    rv_store_relaxed(&runtime->injected_count, count - (node != NULL));
    rv_lock_release(&runtime->inject_lock);
    return node == NULL ? NULL : rv_container_of(node, struct rv_task, queue_link);
}

static void run(struct rv_worker *w, struct rv_task *t)
{
    void *result = NULL;
    t->worker = w;
    t->future.is_started = true;
    rv_store_relaxed(&w->current, t);
    int rc = t->fn(t->arg, &result);
    rv_store_relaxed(&w->current, NULL);
    if (rc != -EINPROGRESS) { /* else it never ends */
        t->future.error = rc;
        rv_task_bury(w, t);
    }
}

static void sleep_a_while(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    rv_idle_announce(w);
    rv_runtime_note_idle(runtime);
    if (rv_load_relaxed(&runtime->injected_count) == 0 &&
        rv_load_relaxed(&runtime->is_stopping) < 2) {
        rv_model_block(false);
    }
    rv_idle_retract(w);
}

void *rv_worker_main(void *arg)
{
    struct rv_worker *w = arg;
    rv_double_be_worker(w);
    sleepers[w->idx] = rv_model_self();
    w->tid = 1000 + (int32_t)rv_model_self();
    int rc = w->runtime->poller->worker_start(w);
    if (rv_runtime_worker_ready(w->runtime, rc)) {
        for (unsigned i = 0; i < w->runtime->worker_count; i++) { /* as a kick would need it */
            RV_MODEL_CHECK(w->runtime->workers[i].tid >= 1000, "all have started before one runs");
        }
        while (rv_load_relaxed(&w->runtime->is_stopping) < 2) {
            struct rv_fifo_node *own = rv_fifo_pop(&w->pinned);
            struct rv_task *t = own != NULL ? rv_container_of(own, struct rv_task, queue_link)
                                            : take_injected(w->runtime);
            if (t != NULL) {
                run(w, t);
            } else {
                sleep_a_while(w);
            }
        }
    }
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
    return NULL;
}

/* Made ready by a worker of its runtime, or by anybody else; or one of another runtime. */
static void push(struct rv_worker *w, struct rv_task *t)
{
    if (t->runtime == rv_double_runtime()) {
        rv_double_push(t);
    } else if (w != NULL && w->runtime == t->runtime) { /* as a private push: without a fence */
        rv_fifo_push(&w->pinned, &t->queue_link);
    } else {
        rv_ready_push_outside(NULL, t);
    }
}

/* From outside */

void rv_small_begin(unsigned n)
{
    rv_double_begin(n);
    rv_double_set_push(push);
    rv_small = (struct rv_small){0};
}

void rv_small_log(void *ctx, int level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
    rv_small.logged++;
}

void rv_small_start(unsigned workers)
{
    const rove_options options = {.workers = workers, .max_threads = 1, .log = rv_small_log};
    RV_MODEL_CHECK(rove_runtime_start(&options, &rv_small.made) == 0, "it starts");
}

bool rv_small_stop(rove_duration grace)
{
    int64_t begun_ns = rv_os_clock_ns();
    struct rv_worker *w = &rv_small.made->workers[0];
    int rc = rove_runtime_stop(rv_small.made, grace);
    RV_MODEL_CHECK(rc == 0 || rc == -ETIMEDOUT, "how a stop ends");
    if (rc < 0) {
        RV_MODEL_CHECK(rv_os_clock_ns() - begun_ns >= RV_RUNTIME_PATIENCE_NS, "it is patient");
        rv_model_allow_leaks();
        rv_os_thread_join(w->thread);
    }
    return rc == 0;
}

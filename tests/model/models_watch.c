// SPDX-License-Identifier: MIT
/*
 * Purpose: models of sched/watch.c and of the reap lock in io/guard.c and io/uring.c: what a worker
 *          that computes has left behind is served by another, once.
 *
 * Idea: the owner is somewhere in its loop, the helper takes it for stuck. Private tasks, the
 * oldest of its continuations and its completions go to whoever is first. The kernel posts
 * completions in the owner's own calls only, as the rings are set up.
 *
 * Threads: 1 owns; 2 and 3 help.
 */
#include "double.h"

#include "io/kick.h"
#include "io/multi.h"
#include "io/uring.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/watch.h"

#define JOBS 4
#define OPS 3
#define CQES 4

static int jobs[JOBS]; /* how often each was done */
static unsigned taken[RV_MODEL_THREADS];
static struct rv_uring_io all;
static struct rv_uring rings[RV_MODEL_THREADS];
static struct rv_op ops[OPS];
static _Alignas(16) unsigned char cqes[CQES][16]; /* struct io_uring_cqe, which may be larger */
static struct io_uring_sqe sqes[CQES];
static uint32_t words[6];
static unsigned watchers;

static void do_job(void *job)
{
    int *count = job;
    RV_MODEL_CHECK(*count == 0, "a job is done once");
    (*count)++;
}

/* What a helper takes over is run at once. */
static void push(struct rv_worker *w, struct rv_task *t)
{
    taken[w->idx]++;
    do_job(t);
}

static void nobody_to_wake(struct rv_worker *w)
{
    (void)w;
}

static unsigned no_rescue(struct rv_worker *self, struct rv_worker *victim)
{
    (void)self;
    (void)victim;
    return 0;
}

static const struct rv_poller_ops poller = {
    .name = "model", .wake = nobody_to_wake, .rescue = no_rescue};

static void begin(unsigned workers)
{
    struct rove_runtime *runtime = rv_double_runtime();
    rv_double_begin(0);
    rv_double_set_push(push);
    runtime->poller = &poller;
    runtime->worker_count = workers + 1;
    RV_MODEL_CHECK(rv_idle_init(&runtime->idle, workers + 1) == 0, "memory");
    RV_MODEL_CHECK(rv_watch_init(&runtime->watch, workers + 1) == 0, "memory");
    for (unsigned i = 0; i <= workers; i++) {
        struct rv_worker *w = rv_double_worker(i);
        rv_runq_init(&w->runq);
        rv_bias_init(&w->bias);
        RV_MODEL_CHECK(rv_deque_init(&w->conts, 2, 3) == 0, "memory");
        rv_store_relaxed(&w->current, NULL);
        taken[i] = 0;
    }
    rv_store_relaxed(&rv_double_worker(1)->is_running, 1u);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = 0;
    }
    watchers = 0;
}

static void setup_two(void)
{
    begin(2);
}

static void setup_three(void)
{
    begin(3);
}

/* The owner: queues privately, then behind that, and works through it, all in one long step. */
static void own(void)
{
    struct rv_worker *w = rv_double_worker(1);
    rv_double_be_worker(w);
    RV_MODEL_CHECK(rv_deque_push(&w->conts, &jobs[2]) == 0, "memory");
    rv_bias_owner_enter(&w->bias);
    RV_MODEL_CHECK(rv_runq_push_private(&w->runq, &jobs[0]), "nothing is queued");
    rv_bias_owner_leave(&w->bias);
    for (int i = 0; i < 2; i++) {
        rv_bias_owner_enter(&w->bias);
        void *job = rv_runq_pop(&w->runq);
        if (i == 0 && rv_backlog_push(&w->overflow, &jobs[1]) < 0) {
            rv_model_fail("memory");
        }
        rv_bias_owner_leave(&w->bias);
        if (job != NULL) {
            do_job(job);
        }
    }
    void *cont = rv_deque_pop(&w->conts);
    if (cont != NULL) {
        do_job(cont);
    }
}

/* Two looks, the first of which may find the owner at the step it was at before any. */
static void help(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    rv_double_be_worker(w);
    (void)rv_watch_poll(w, INT64_C(1000000));
    (void)rv_watch_poll(w, INT64_C(2000000));
}

static void end(unsigned workers)
{
    struct rove_runtime *runtime = rv_double_runtime();
    for (unsigned i = 0; i <= workers; i++) {
        struct rv_worker *w = rv_double_worker(i);
        rv_backlog_fini(&w->overflow);
        rv_deque_fini(&w->conts);
    }
    rv_watch_fini(&runtime->watch);
    rv_idle_fini(&runtime->idle);
    rv_double_end();
}

static void finish_help(void)
{
    struct rv_worker *w = rv_double_worker(1);
    void *job;
    while ((job = rv_runq_pop(&w->runq)) != NULL || (job = rv_backlog_pop(&w->overflow)) != NULL ||
           (job = rv_deque_pop(&w->conts)) != NULL) {
        do_job(job);
    }
    RV_MODEL_CHECK(jobs[0] == 1 && jobs[1] == 1 && jobs[2] == 1, "every job is done");
    end(rv_double_runtime()->worker_count - 1);
}

/* One watcher at a time: what it notes as such nobody else does. */
static void watch_once(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    rv_double_be_worker(w);
    int64_t until_ns = rv_watch_begin(w, 1000, INT64_MAX);
    RV_MODEL_CHECK(w->is_watching == (until_ns != INT64_MAX), "a watcher wakes early");
    if (w->is_watching) {
        watchers++;
        RV_MODEL_CHECK(watchers == 1, "one watches");
        watchers--;
    }
    w->now_ns = 1000000;
    rv_watch_end(w);
}

static void finish_watch(void)
{
    RV_MODEL_CHECK(rv_load_relaxed(&rv_double_runtime()->idle.watching) == 0, "nobody is left");
    end(rv_double_runtime()->worker_count - 1);
}

/* The reap lock */

unsigned rv_post_take(struct rv_uring *from, struct rv_uring *u)
{
    (void)from;
    (void)u;
    return 0;
}

void rv_kick(const struct rv_worker *w)
{
    (void)w;
    rv_model_fail("nobody is to be kicked");
}

bool rv_multi_reap(struct rv_uring *u, struct rv_multi *m, const struct io_uring_cqe *cqe)
{
    (void)u;
    (void)m;
    (void)cqe;
    rv_model_fail("nobody asks for many results");
}

void rv_multi_answer(struct rv_uring *u, struct rv_multi *m, int result)
{
    (void)u;
    (void)m;
    (void)result;
    rv_model_fail("nobody asks for many results");
}

int rv_ring_enter(struct rv_ring *ring)
{
    (void)ring;
    rv_model_fail("the owner enters by itself");
}

static void begin_rings(unsigned workers)
{
    begin(workers);
    rv_model_fill(&all, 0, sizeof all);
    rv_model_fill(rings, 0, sizeof rings);
    rv_model_fill(ops, 0, sizeof ops);
    rv_model_fill(cqes, 0, sizeof cqes);
    rv_model_fill(words, 0, sizeof words);
    rv_double_runtime()->poll_data = &all;
    all.rings = rings;
    all.count = workers + 1;
    for (unsigned i = 0; i <= workers; i++) {
        rings[i].worker = rv_double_worker(i);
        rings[i].ring = (struct rv_ring){.sqes = sqes,
                                         .cqes = (struct io_uring_cqe *)cqes,
                                         .sq_entries = CQES,
                                         .sq_mask = CQES - 1, .cq_mask = CQES - 1,
                                         .sq_head = &words[0], .sq_tail = &words[1],
                                         .sq_flags = &words[2], .cq_head = &words[3],
                                         .cq_tail = &words[4], .cq_flags = &words[5]};
    }
}

static void setup_ring(void)
{
    begin_rings(2);
}

static void setup_ring_two(void)
{
    begin_rings(3);
}

/* In the owner's system call: the kernel takes the entry and posts what it came to. */
static void post_completion(struct rv_uring *u, uint64_t user_data, int res)
{
    uint32_t tail = rv_load_relaxed(u->ring.cq_tail);
    /* order: acquire K2. As the kernel's: no entry is overwritten that is still read. */
    if (tail - rv_load_acquire(u->ring.cq_head) == CQES) {
        rv_model_fail("more completions than there is room for");
    }
    rv_ring_cqe(&u->ring, tail)->user_data = user_data;
    rv_ring_cqe(&u->ring, tail)->res = res;
    rv_store_relaxed(u->ring.sq_head, rv_load_relaxed(u->ring.sq_tail));
    /* order: release K2. As the kernel's: the entry before the tail. */
    rv_store_release(u->ring.cq_tail, tail + 1);
}

static void begin_op(struct rv_uring *u, int i)
{
    ops[i].task = rv_double_task(0);
    ops[i].kind = RV_OP_READ;
    ops[i].uring = u;
    rv_ring_push(&u->ring);
}

static void own_ring(void)
{
    struct rv_uring *u = &rings[1];
    rv_double_be_worker(u->worker);
    begin_op(u, 0);
    post_completion(u, (uint64_t)(uintptr_t)&ops[0], 10);
    (void)rv_uring_reap(u);
    begin_op(u, 1);
    post_completion(u, RV_URING_DATA_WAKE, 8);
    post_completion(u, (uint64_t)(uintptr_t)&ops[1], 11);
    (void)rv_uring_reap(u);
}

/* Nothing but a wake is for the owner alone: it stays, and what is behind it is taken. */
static void help_ring(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    rv_double_be_worker(w);
    (void)rv_guard_reap(w, &rings[1]);
}

static void finish_ring(void)
{
    rv_store_relaxed(&rings[1].is_missed, 0u);
    for (int i = 0; i < 2; i++) {
        RV_MODEL_CHECK(rv_op_is_done(&ops[i]) && ops[i].result == 10 + i, "no completion is left");
    }
    (void)rv_uring_reap_locked(&rings[1], rv_double_worker(1));
    RV_MODEL_CHECK(rv_load_relaxed(&rings[1].is_woken) == 1, "the owner's own wake is kept for it");
    end(rv_double_runtime()->worker_count - 1);
}

static const struct rv_model models[] = {
    {"help/private", setup_two, {own, help}, finish_help, 0},
    {"help/two", setup_three, {own, help, help}, finish_help, 0},
    {"help/watcher", setup_two, {watch_once, watch_once}, finish_watch, 0},
    {"help/three_watch", setup_three, {watch_once, watch_once, watch_once}, finish_watch, 0},
    {"reap/one", setup_ring, {own_ring, help_ring}, finish_ring, 0},
    {"reap/two", setup_ring_two, {own_ring, help_ring, help_ring}, finish_ring, 0},
};

const struct rv_model_list rv_models_watch = {models, sizeof models / sizeof models[0]};

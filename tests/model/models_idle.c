// SPDX-License-Identifier: MIT
/*
 * Purpose: models of sched/idle.c: no job stays visible and unseen while a worker sleeps.
 *
 * Idea: a worker here is the loop of sched/worker.c in small: take what is injected or one's own,
 * search, announce, look once more, sleep. The run queues, the inbox and the protocol are the
 * library's. A worker may sleep for ever; at the end every job must have been done.
 *
 * Threads: 1 .. n workers, then those who bring work.
 */
#include "double.h"

#include "core/inbox.h"
#include "core/runq.h"
#include "sched/idle.h"

#define JOBS 4

struct job {
    struct rv_fifo_node link;
    struct rv_inbox_node node;
    int payload, done;
};

static struct job jobs[JOBS];
static unsigned workers;

static void wake(struct rv_worker *w)
{
    rv_model_unblock(w->idx);
}

static const struct rv_poller_ops poller = {.name = "model", .wake = wake};

static void begin(unsigned n)
{
    struct rove_runtime *runtime = rv_double_runtime();
    rv_double_begin(n);
    workers = n;
    runtime->poller = &poller;
    runtime->worker_count = n + 1; /* the first, which is nobody's, is always awake */
    RV_MODEL_CHECK(rv_idle_init(&runtime->idle, n + 1) == 0, "memory");
    for (unsigned i = 0; i <= n; i++) {
        rv_runq_init(&rv_double_worker(i)->runq);
        rv_store_relaxed(&rv_double_worker(i)->current, NULL);
    }
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.payload = 0};
    }
}

static void setup_one(void)
{
    begin(1);
}

static void setup_two(void)
{
    begin(2);
}

static void setup_three(void)
{
    begin(3);
}

static void do_job(struct job *job)
{
    RV_MODEL_CHECK(job->payload == 1, "the job is complete");
    RV_MODEL_CHECK(job->done == 0, "a job is done once");
    job->done = 1;
}

static struct job *take_injected(void)
{
    struct rove_runtime *runtime = rv_double_runtime();
    if (rv_load_relaxed(&runtime->injected_count) == 0) {
        return NULL;
    }
    rv_lock_acquire(&runtime->inject_lock);
    struct rv_fifo_node *node = rv_fifo_pop(&runtime->injected);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    rv_store_relaxed(&runtime->injected_count, count - (node != NULL));
    rv_lock_release(&runtime->inject_lock);
    return node == NULL ? NULL : rv_container_of(node, struct job, link);
}

static void take_inbox(struct rv_worker *w)
{
    struct rv_inbox_node *node = rv_inbox_take_all(&w->inbox);
    while (node != NULL) {
        struct job *job = rv_container_of(node, struct job, node);
        node = node->next;
        do_job(job);
    }
}

static struct job *look_around(struct rv_worker *w)
{
    take_inbox(w);
    struct job *job = rv_runq_pop(&w->runq);
    return job != NULL ? job : take_injected();
}

static struct job *search(struct rv_worker *w)
{
    for (unsigned i = 1; i <= workers; i++) {
        struct rv_worker *victim = rv_double_worker(i);
        void *first = NULL;
        if (victim != w && rv_runq_steal(&victim->runq, &w->runq, &first) > 0) {
            return first;
        }
    }
    return take_injected();
}

static bool is_work_visible(struct rv_worker *w)
{
    struct rove_runtime *runtime = rv_double_runtime();
    if (rv_load_relaxed(&runtime->injected_count) > 0 || !rv_inbox_is_empty(&w->inbox) ||
        rv_load_relaxed(&runtime->is_stopping) == 2) {
        return true;
    }
    uint32_t enough = rv_load_relaxed(&runtime->idle.calm) != 0 ? RV_IDLE_MANY : 1;
    for (unsigned i = 1; i <= workers; i++) {
        if (rv_runq_size_hint(&rv_double_worker(i)->runq) >= enough) {
            return true;
        }
    }
    return false;
}

static void found(struct rv_worker *w)
{
    if (w->is_searching && rv_idle_stop_search(w) && is_work_visible(w)) {
        rv_idle_notify(w->runtime);
    }
}

/* Nothing here: what others have, or sleep. */
static struct job *search_or_sleep(struct rv_worker *w)
{
    if (rv_idle_try_search(w)) {
        struct job *job = search(w);
        if (job != NULL) {
            found(w);
            return job;
        }
    }
    rv_idle_announce(w);
    if (!is_work_visible(w)) {
        rv_model_block(true);
    }
    rv_idle_retract(w);
    return NULL;
}

/* As search_or_sleep of a worker that leaves to its owner what it sees: a short sleep, which ends
 * by itself. */
static void doze(struct rv_worker *w)
{
    rv_idle_announce(w);
    (void)rv_idle_begin_calm(w);
    (void)is_work_visible(w);
    rv_idle_retract(w);
    if (w->thief.is_dozing) {
        rv_idle_end_calm(w);
    }
}

static void work(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    while (rv_load_relaxed(&w->runtime->is_stopping) < 2) {
        struct job *job = look_around(w);
        if (job != NULL) {
            found(w);
        } else {
            job = search_or_sleep(w);
        }
        if (job != NULL) {
            do_job(job);
        }
    }
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
}

static void doze_and_work(void)
{
    doze(rv_double_worker(rv_model_self()));
    work();
}

/* Its sleep is ended by work of its own, with which it is busy for ever. */
static void doze_and_compute(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    doze(w);
    found(w);
}

static void inject(int i)
{
    struct rove_runtime *runtime = rv_double_runtime();
    jobs[i].payload = 1;
    rv_lock_acquire(&runtime->inject_lock);
    rv_fifo_push(&runtime->injected, &jobs[i].link);
    uint32_t count = rv_load_relaxed(&runtime->injected_count);
    rv_store_relaxed(&runtime->injected_count, count + 1);
    rv_lock_release(&runtime->inject_lock);
    rv_idle_notify(runtime);
}

static void inject_one(void)
{
    inject(0);
}

static void inject_two(void)
{
    inject(0);
    inject(1);
}

/* A worker that makes work and then computes for ever: the others get it. */
static void queue_job(int i)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    jobs[i].payload = 1;
    RV_MODEL_CHECK(rv_runq_push(&w->runq, &jobs[i]), "room");
    if (rv_runq_size_hint(&w->runq) <= 1) { /* as rv_ready_push_local */
        rv_idle_notify_queued(w->runtime);
    }
}

static void make_one(void)
{
    queue_job(0);
}

static void make_work(void)
{
    queue_job(0);
    queue_job(1);
}

/* It had been searching: so whoever has left a job to it is told of the end of the search. */
static void search_then_compute(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    if (rv_idle_try_search(w)) {
        struct job *job = search(w);
        found(w);
        if (w->is_searching) {
            rv_idle_stop_search(w);
        }
        if (job != NULL) {
            do_job(job);
        }
        if (is_work_visible(w)) {
            rv_idle_notify(w->runtime);
        }
    }
}

static void post(void)
{
    struct rv_worker *w = rv_double_worker(1);
    jobs[2].payload = 1;
    (void)rv_inbox_push(&w->inbox, &jobs[2].node);
    rv_idle_notify_worker(w);
}

static void stop(void)
{
    rv_store_seq_cst(&rv_double_runtime()->is_stopping, 2u);
    rv_idle_notify_all(rv_double_runtime());
}

static void finish_jobs(int n)
{
    for (int i = 0; i < n; i++) {
        RV_MODEL_CHECK(jobs[i].payload == 0 || jobs[i].done == 1, "no job is left beside sleepers");
    }
    rv_idle_fini(&rv_double_runtime()->idle);
    rv_double_end();
}

static void finish(void)
{
    finish_jobs(JOBS);
}

/* Every worker has left its loop. */
static void finish_stopped(void)
{
    for (unsigned i = 1; i <= workers; i++) {
        RV_MODEL_CHECK(!rv_double_worker(i)->is_listed, "nobody sleeps through the stop");
    }
    RV_MODEL_CHECK(rv_load_relaxed(&rv_double_runtime()->idle.searching) == 0, "none is counted");
    finish_jobs(0);
}

static const struct rv_model models[] = {
    {"idle/inject_one_worker", setup_one, {work, inject_two}, finish, 0},
    {"idle/inject_two_workers", setup_two, {work, work, inject_one}, finish, 0},
    {"idle/inject_three_workers", setup_three, {work, work, work, inject_two}, finish,
     RV_MODEL_WIDE},
    {"idle/two_injectors", setup_one, {work, inject_one, post}, finish, RV_MODEL_WIDE},
    {"idle/make_work", setup_two, {work, make_work}, finish, RV_MODEL_IN_ORDER},
    {"idle/make_work_for_two", setup_three, {work, work, make_work}, finish, RV_MODEL_WIDE |
     RV_MODEL_IN_ORDER},
    {"idle/search_hands_over", setup_two, {work, search_then_compute, inject_one}, finish, 0},
    {"idle/doze", setup_two, {doze_and_work, make_one}, finish, 0},
    {"idle/doze_beside", setup_three, {doze_and_work, work, make_work}, finish, RV_MODEL_WIDE |
     RV_MODEL_IN_ORDER},
    {"idle/two_doze", setup_three, {doze_and_work, doze_and_work, make_one}, finish, RV_MODEL_WIDE},
    {"idle/doze_and_compute", setup_three, {doze_and_compute, work, make_one}, finish,
     RV_MODEL_WIDE},
    {"idle/post", setup_two, {work, work, post}, finish, 0},
    {"idle/stop", setup_two, {work, work, stop}, finish_stopped, 0},
};

const struct rv_model_list rv_models_idle = {models, sizeof models / sizeof models[0]};

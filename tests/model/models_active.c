// SPDX-License-Identifier: MIT
/*
 * Purpose: models of sched/active.c: who stands aside is woken for what only it can do, and hands
 *          over the rest.
 *
 * Idea: as models_idle.c, with the loop of sched/worker.c in small. The pick, the note and the look
 * of one who stands aside are the library's, the sleep protocol and the queues too. Only the last
 * worker may stand aside. Where `look_ns` never comes its sleep has no end of its own either, so a
 * wake-up that was missed is seen as any other: at the end every job must have been done.
 *
 * Threads: 1 .. n workers, then those who bring work.
 */
#include "double.h"

#include "core/clock.h"
#include "core/inbox.h"
#include "core/os.h"
#include "core/runq.h"
#include "sched/active.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/steal.h"

#define JOBS 2

struct job {
    struct rv_task task; /* of which the library uses the link and the flags */
    struct rv_inbox_node node;
    int payload;
    unsigned by; /* who has done it; 0: nobody */
};

static struct job jobs[JOBS];
static unsigned workers;
static unsigned left[RV_MODEL_THREADS]; /* 1: its loop, or it computes for ever */

static void wake(struct rv_worker *w)
{
    rv_model_unblock(w->idx);
}

static const struct rv_poller_ops poller = {.name = "model", .wake = wake};

/* As rv_ready_push_local, for a task that finds nothing before it: private. */
static void push(struct rv_worker *w, struct rv_task *t)
{
    RV_MODEL_CHECK(rv_runq_push_private(&w->runq, t), "nothing is queued");
}

struct rv_task *rv_ready_pop_queued(struct rv_worker *w)
{
    return rv_runq_pop(&w->runq);
}

struct rv_task *rv_ready_pop_cont(struct rv_worker *w)
{
    (void)w;
    return NULL;
}

static void begin(unsigned n, uint32_t aside, int64_t look_ns)
{
    struct rove_runtime *runtime = rv_double_runtime();
    rv_double_begin(n);
    rv_double_set_push(push);
    workers = n;
    runtime->poller = &poller;
    runtime->worker_count = n + 1; /* the first, which is nobody's, is always awake */
    rv_active_force(runtime, aside);
    RV_MODEL_CHECK(rv_idle_init(&runtime->idle, n + 1) == 0, "memory");
    for (unsigned i = 0; i <= n; i++) {
        struct rv_worker *w = rv_double_worker(i);
        rv_runq_init(&w->runq);
        rv_store_relaxed(&w->current, NULL);
        RV_MODEL_CHECK(rv_thief_init(&w->thief, n + 1) == 0, "memory");
        w->pace = (struct rv_pace){.fd = -1, .due_ns = INT64_MAX, .look_ns = look_ns};
    }
    rv_model_fill(jobs, 0, sizeof jobs);
    rv_model_fill(left, 0, sizeof left);
}

static void setup_one(void)
{
    begin(1, 0, INT64_MAX);
}

static void setup_one_aside(void)
{
    begin(1, 1, INT64_MAX);
}

static void setup_one_looks(void)
{
    begin(1, 1, 0);
}

static void setup_two(void)
{
    begin(2, 0, INT64_MAX);
}

/* The second has gone to sleep last, so it is woken first. */
static void setup_two_asleep(void)
{
    begin(2, 0, INT64_MAX);
    rv_idle_announce(rv_double_worker(1));
    rv_idle_announce(rv_double_worker(2));
}

static void setup_three_aside(void)
{
    begin(3, 1, INT64_MAX);
}

static void setup_two_aside(void)
{
    begin(2, 1, INT64_MAX);
}

static void do_job(struct job *job)
{
    RV_MODEL_CHECK(job->payload == 1, "the job is complete");
    RV_MODEL_CHECK(job->by == 0, "a job is done once");
    job->by = rv_model_self();
}

static void look_around(struct rv_worker *w)
{
    struct rv_inbox_node *node = rv_inbox_take_all(&w->inbox);
    while (node != NULL) {
        struct job *job = rv_container_of(node, struct job, node);
        node = node->next;
        do_job(job);
    }
    rv_active_look(w, rv_clock_now());
    if (!rv_active_is_aside(w) || w->pace.is_helping) {
        rv_ready_take_injected(w);
    }
}

/* Only the first may have queued something that is not private. */
static struct rv_task *search(struct rv_worker *w)
{
    void *first = NULL;
    if (w->idx != 1 && rv_runq_steal(&rv_double_worker(1)->runq, &w->runq, &first) > 0) {
        return first;
    }
    rv_ready_take_injected(w);
    return rv_ready_pick_fair(w);
}

static void found(struct rv_worker *w)
{
    if (w->is_searching && rv_idle_stop_search(w) && rv_steal_is_work_visible(w)) {
        rv_idle_notify(w->runtime);
    }
}

static struct rv_task *search_or_sleep(struct rv_worker *w)
{
    if (rv_idle_try_search(w)) {
        struct rv_task *t = search(w);
        if (t != NULL) {
            found(w);
            return t;
        }
    }
    rv_idle_announce(w);
    if (rv_steal_is_work_visible(w)) {
        rv_idle_retract(w);
        rv_idle_start_search(w);
    } else {
        rv_model_block(true);
        rv_idle_retract(w);
    }
    return NULL;
}

/* Nobody wakes one whose sleep has an end: the models with such a sleep leave nothing to it. */
static void sleep_until(int64_t until_ns)
{
    static uint32_t never;
    int64_t left_ns = until_ns - rv_clock_now();
    if (until_ns == INT64_MAX) {
        rv_model_block(true);
    } else if (left_ns > 0) {
        (void)rv_os_futex_wait(&never, 0, left_ns);
    }
}

static struct rv_task *stand_aside(struct rv_worker *w)
{
    struct rv_task *t = rv_active_pick(w);
    RV_MODEL_CHECK(!w->is_searching, "nobody searches aside");
    if (t == NULL) {
        sleep_until(rv_active_begin_sleep(w));
        rv_active_end_sleep(w);
    }
    return t;
}

static struct rv_task *pick_or_sleep(struct rv_worker *w)
{
    if (rv_active_is_aside(w)) {
        return stand_aside(w);
    }
    struct rv_task *t = rv_ready_pick_fair(w);
    if (t == NULL) {
        return search_or_sleep(w);
    }
    found(w);
    return t;
}

static void work(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    while (rv_load_relaxed(&w->runtime->is_stopping) < 2) {
        look_around(w);
        struct rv_task *t = pick_or_sleep(w);
        if (t != NULL) {
            do_job(rv_container_of(t, struct job, task));
        }
    }
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
    left[w->idx] = 1;
}

static void wake_and_work(void)
{
    rv_model_block(true);
    rv_idle_retract(rv_double_worker(rv_model_self()));
    work();
}

/* Meanwhile nobody is told of a queued task. Then it stands aside. */
static void doze_and_work(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    rv_idle_announce(w);
    RV_MODEL_CHECK(rv_idle_begin_calm(w), "it is the only one");
    (void)rv_steal_is_work_visible(w);
    rv_idle_retract(w);
    rv_idle_end_calm(w);
    work();
}

static void make_and_compute(void)
{
    struct rv_worker *w = rv_double_worker(rv_model_self());
    jobs[0].payload = 1;
    RV_MODEL_CHECK(rv_runq_push(&w->runq, &jobs[0].task), "room");
    rv_idle_notify_queued(w->runtime);
    left[w->idx] = 1;
}

/* It has a task that it did not come to before it was to stand aside. */
static void have_one_and_work(void)
{
    jobs[0].payload = 1;
    push(rv_double_worker(rv_model_self()), &jobs[0].task);
    work();
}

/* It has been helping; now there is nothing left. */
static void help_and_work(void)
{
    rv_double_worker(rv_model_self())->pace.is_helping = true;
    work();
}

static void inject(void)
{
    jobs[0].payload = 1;
    rv_runtime_inject(rv_double_runtime(), &jobs[0].task);
}

static void call_aside(void)
{
    rv_active_force(rv_double_runtime(), 1);
}

static void call_back(void)
{
    rv_active_force(rv_double_runtime(), 0);
}

static void call_aside_and_back(void)
{
    call_aside();
    call_back();
}

static void call_aside_and_inject(void)
{
    call_aside();
    inject();
}

static void call_back_and_inject(void)
{
    call_back();
    inject();
}

static void post(void)
{
    struct rv_worker *w = rv_double_worker(workers);
    jobs[1].payload = 1;
    (void)rv_inbox_push(&w->inbox, &jobs[1].node);
    rv_idle_notify_worker(w);
}

static void stop(void)
{
    rv_store_seq_cst(&rv_double_runtime()->is_stopping, 2u);
    rv_idle_notify_all(rv_double_runtime());
}

/* Everybody sleeps, one way or the other, or has left. */
static void finish(void)
{
    struct rv_idle *idle = &rv_double_runtime()->idle;
    unsigned listed = 0, others = 0;
    for (int i = 0; i < JOBS; i++) {
        RV_MODEL_CHECK(jobs[i].payload == 0 || jobs[i].by != 0, "no job is left beside sleepers");
    }
    for (unsigned i = 1; i <= workers; i++) {
        listed += rv_double_worker(i)->is_listed;
        others += rv_load_relaxed(&rv_double_worker(i)->pace.is_aside) + left[i];
    }
    RV_MODEL_CHECK(rv_load_relaxed(&idle->sleeping) == listed, "who is listed is counted");
    RV_MODEL_CHECK(listed + others == workers, "who sleeps says how");
    RV_MODEL_CHECK(rv_load_relaxed(&idle->searching) == 0, "nobody searches");
    for (unsigned i = 0; i <= workers; i++) {
        rv_thief_fini(&rv_double_worker(i)->thief);
    }
    rv_idle_fini(idle);
    rv_double_end();
}

static void finish_handed_over(void)
{
    RV_MODEL_CHECK(jobs[0].by == 1, "who stands aside leaves it to who does not");
    finish();
}

static void finish_stopped(void)
{
    for (unsigned i = 1; i <= workers; i++) {
        RV_MODEL_CHECK(left[i] == 1, "nobody sleeps through the stop");
    }
    finish();
}

/* Its next look has told it. */
static void finish_lowered(void)
{
    RV_MODEL_CHECK(rv_double_worker(1)->is_listed, "who is not to stand aside does not");
    finish();
}

static const struct rv_model models[] = {
    {"idle/aside_post", setup_one_aside, {work, post}, finish, 0},
    {"idle/aside_post_raised", setup_one, {work, call_aside, post}, finish, 0},
    {"idle/aside_post_turns", setup_one, {work, call_aside_and_back, post}, finish, 0},
    {"idle/aside_stop", setup_one_aside, {work, stop}, finish_stopped, 0},
    {"idle/aside_stop_raised", setup_one, {work, call_aside, stop}, finish_stopped, 0},
    {"idle/aside_passes_on", setup_two_asleep, {wake_and_work, wake_and_work,
     call_aside_and_inject}, finish, 0},
    {"idle/aside_passes_on_late", setup_two, {work, work, call_aside_and_inject}, finish, 0},
    {"idle/aside_dozed", setup_three_aside, {make_and_compute, work, doze_and_work}, finish, 0},
    {"idle/aside_hands_over", setup_two_aside, {work, have_one_and_work}, finish_handed_over, 0},
    {"idle/aside_helps", setup_two_aside, {work, help_and_work, inject}, finish, RV_MODEL_WIDE},
    {"idle/aside_ends", setup_one_looks, {work, call_back_and_inject}, finish_lowered, 0},
};

const struct rv_model_list rv_models_active = {models, sizeof models / sizeof models[0]};

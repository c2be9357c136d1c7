// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/worker.h: what a worker's loop owes: messages are received, work spreads, a look
 *          around comes in time, threads are what they say.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/still.h"

#include "core/clock.h"
#include "core/os.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

enum { MESSAGES = 200, SENDERS = 3, SLOW_STEP_NS = 200000 };

struct letter {
    struct rv_message message;
    struct rv_worker *to;
    RV_ATOMIC(uint32_t) *received; /* by that worker, from this sender */
    uint32_t number;
    RV_ATOMIC(uint32_t) *total;
};

static struct letter letters[SENDERS][MESSAGES];

static void receive(struct rv_worker *w, struct rv_message *message)
{
    struct letter *l = rv_container_of(message, struct letter, message);
    RV_EXPECT_PTR(rv_current_worker(), w);
    RV_EXPECT_PTR(l->to, w);
    RV_EXPECT_EQ(w->tid, rv_os_gettid());
    RV_EXPECT(rv_load_relaxed(&w->current) == NULL); /* in no task's time */
    uint32_t before = rv_load_relaxed(l->received);
    RV_EXPECT(l->number > before); /* in the order sent */
    rv_store_relaxed(l->received, l->number);
    RV_ATOMIC(uint32_t) *total = l->total;
    memset(l, 0xa5, sizeof *l); /* the sender may reuse it */
    (void)rv_fetch_add_acq_rel(total, 1u);
}

struct post {
    struct rove_runtime *runtime;
    unsigned sender;
    RV_ATOMIC(uint32_t) received[64];
    RV_ATOMIC(uint32_t) total;
};

static void *post_all(void *arg)
{
    struct post *p = arg;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct letter *l = &letters[p->sender][i];
        unsigned to = i % p->runtime->worker_count;
        *l = (struct letter){.message.receive = receive,
                             .to = &p->runtime->workers[to],
                             .received = &p->received[to],
                             .number = i + 1,
                             .total = &p->total};
        rv_worker_post(l->to, &l->message);
    }
    return NULL;
}

/* Goal: every message arrives once, on its worker's thread between tasks, in its sender's order;
 * workers that sleep are woken for it. */
RV_TASK_TEST(test_worker_receives_each_message_once)
{
    static struct post posts[SENDERS];
    pthread_t threads[SENDERS];
    memset(posts, 0, sizeof posts);
    for (unsigned i = 0; i < SENDERS; i++) {
        posts[i].runtime = rv_current_worker()->runtime;
        posts[i].sender = i;
        RV_REQUIRE_EQ(pthread_create(&threads[i], NULL, post_all, &posts[i]), 0);
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        RV_YIELD_UNTIL(rv_load_acquire(&posts[i].total) == MESSAGES);
        RV_EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
    return 0;
}

static int tick_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(uint32_t) received = 0;
    RV_ATOMIC(uint32_t) total = 0;
    struct rv_worker *w = rv_current_worker();
    for (int round = 0; round < 20; round++) {
        unsigned turns = 0;
        struct letter *l = &letters[0][0];
        *l = (struct letter){.message.receive = receive, .to = w, .received = &received,
                             .number = (uint32_t)round + 1, .total = &total};
        (void)rv_inbox_push(&w->inbox, &l->message.node); /* and nobody says so */
        while (rv_load_acquire(&total) == (uint32_t)round) {
            (void)rove_yield();
            turns++;
        }
        RV_EXPECT(turns <= RV_WORKER_TICK + 1);
    }
    return 0;
}

/* Goal: however busy, a worker looks around after its budget of switches at the latest. */
static void test_worker_looks_around_within_its_budget(void **state)
{
    (void)state;
    rv_test_run_on(1, tick_body, NULL);
}

static int budget_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_worker *w = rv_current_worker();
    for (int i = 0; i < 3 * RV_WORKER_TICK; i++) { /* at least two whole turns of slow steps */
        int64_t until = rv_clock_now() + SLOW_STEP_NS;
        while (rv_clock_now() < until)
            rv_cpu_relax();
        (void)rove_yield();
        RV_EXPECT(w->tick_budget >= 2 && w->tick_budget <= RV_WORKER_TICK);
    }
    RV_EXPECT_EQ(w->tick_budget, 2);
    RV_YIELD_UNTIL(w->tick_budget == RV_WORKER_TICK); /* short steps again */
    return 0;
}

/* Goal: slow steps shorten the way to the next look, short ones lengthen it again. */
static void test_worker_budget_follows_the_steps(void **state)
{
    (void)state;
    rv_test_run_on(1, budget_body, NULL);
}

static int meet(void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(uint32_t) *arrived = arg;
    unsigned count = rv_current_worker()->runtime->worker_count;
    (void)rv_fetch_add_acq_rel(arrived, 1u);
    while (rv_load_acquire(arrived) < count)
        rv_os_sched_yield(); /* computes, but lets the other threads have the CPU */
    return 0;
}

/* Goal: as many tasks as workers that all compute until the last has begun do not hang: each found
 * a worker of its own, and the books say that they were taken over. */
RV_TASK_TEST(test_worker_computing_tasks_spread_over_all)
{
    RV_ATOMIC(uint32_t) arrived = 0;
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    unsigned count = runtime->worker_count;
    rove_task *tasks[64];
    for (unsigned i = 0; i + 1 < count; i++)
        tasks[i] = rove_create_task(meet, &arrived);
    RV_EXPECT_EQ(meet(&arrived, NULL), 0);
    for (unsigned i = 0; i + 1 < count; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    uint64_t taken = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct rv_worker_counters *c = &runtime->workers[i].count;
        taken += rv_load_relaxed(&c->steals) + rv_load_relaxed(&c->rescues);
    }
    RV_EXPECT(taken >= count - 1);
    return 0;
}

/* Goal: each thread has its worker's number in its name, and the kernel's id is the noted one. */
RV_TASK_TEST(test_worker_threads_carry_their_names)
{
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        struct rv_worker *w = &runtime->workers[i];
        char expected[16];
        char name[16];
        (void)snprintf(expected, sizeof expected, "rove-%u", i);
        RV_REQUIRE_EQ(pthread_getname_np(w->thread, name, sizeof name), 0);
        RV_EXPECT_STR(name, expected);
        for (unsigned k = 0; k < i; k++)
            RV_EXPECT(runtime->workers[k].tid != w->tid);
    }
    RV_EXPECT_EQ(rv_current_worker()->tid, rv_os_gettid());
    return 0;
}

static struct rv_still still;
static struct rv_task task;

static int end_with_a_queued_task(void)
{
    if (rv_still_init(&still, 1) < 0)
        return 1;
    rv_still_task(&still, &task, 0);
    if (!rv_runq_push(&still.workers[0].runq, &task))
        return 1;
    rv_worker_fini(&still.workers[0]);
    return 0;
}

static int leave_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_set_name(rove_current_task(), "deserter");
    pthread_exit(NULL);
}

static int run_leave_thread(void)
{
    return rove_run_with(&(rove_options){.workers = 2}, leave_thread, NULL, NULL);
}

/* Goal: a task that would be lost stops the program, and so does one that ends its worker. */
static void test_worker_broken_rules_stop_the_program(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(end_with_a_queued_task, "no task is left in the queues"));
    if (!RV_TSAN && !RV_ASAN) /* which know no end of a thread in another context */
        assert_true(rv_child_breaks(run_leave_thread, "task deserter called pthread_exit"));
}

/* Goal: a fresh worker is empty, looks around first, and has a budget. */
static void test_worker_init_is_ready_to_look_around(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        assert_int_equal(rv_still_init(&still, n), 0);
        struct rv_worker *w = &still.workers[n - 1];
        assert_int_equal(w->idx, n - 1);
        assert_int_equal(w->is_alone, n == 1);
        assert_int_equal(w->tick, 1);
        assert_int_equal(w->tick_budget, RV_WORKER_TICK);
        assert_true(rv_runq_is_empty_owner(&w->runq) && rv_inbox_is_empty(&w->inbox));
        assert_true(rv_load_relaxed(&w->timers.next_ns) == INT64_MAX);
        rv_still_fini(&still);
    }
}

enum { SLEEPERS = 6000 }; /* more than a runtime keeps of either; TSan has 8128 fibres */

static int wait_for_set(void *event, RV_UNUSED void **result)
{
    return rove_event_wait(event);
}

/* Until what they left has gone back: about a second after the last of them. */
static int many_come_and_go(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static rove_task *tasks[SLEEPERS];
    struct rove_runtime *runtime = rv_current_worker()->runtime;
    const rove_task_options eager = {.eager = true};
    rove_event set = {0};
    for (int i = 0; i < SLEEPERS; i++) {
        tasks[i] = rove_create_task_with(&eager, wait_for_set, &set);
        RV_EXPECT(tasks[i] != NULL);
    }
    rove_event_set(&set);
    for (int i = 0; i < SLEEPERS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    struct rv_block_stats blocks;
    struct rv_stack_stats stacks;
    do {
        rove_sleep(ROVE_MS(20));
        rv_block_pool_stats(runtime->blocks, &blocks);
        rv_stack_pool_stats(runtime->stacks, &stacks);
    } while (blocks.trimmed_bytes == 0 || stacks.trimmed == 0);
    return 0;
}

/* Goal: stacks and blocks of many tasks go back to the kernel when nobody needs them. */
static void test_worker_gives_memory_back(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        rv_test_run_with(&(rove_options){.workers = workers}, many_come_and_go, NULL);
    }
}

/* What /proc says; -EACCES: of another thread only the privileged hear. */
static long timer_slack_of(int32_t tid)
{
    char path[64];
    long slack = -EACCES;
    snprintf(path, sizeof path, "/proc/%d/timerslack_ns", (int)tid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        slack = fscanf(file, "%ld", &slack) == 1 ? slack : -EACCES;
        fclose(file);
    }
    return slack;
}

/* Goal: no worker's sleep is rounded by the kernel's 50 us: by its own word, and for all of them by
 * the kernel's. */
RV_TASK_TEST(test_worker_threads_have_no_timer_slack)
{
    const struct rove_runtime *runtime = rv_current_worker()->runtime;
    RV_EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        long slack = timer_slack_of(runtime->workers[i].tid);
        RV_EXPECT(slack == 1 || slack == -EACCES);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_receives_each_message_once),
        cmocka_unit_test(test_worker_looks_around_within_its_budget),
        cmocka_unit_test(test_worker_budget_follows_the_steps),
        cmocka_unit_test(test_worker_computing_tasks_spread_over_all),
        cmocka_unit_test(test_worker_threads_carry_their_names),
        cmocka_unit_test(test_worker_threads_have_no_timer_slack),
        cmocka_unit_test(test_worker_broken_rules_stop_the_program),
        cmocka_unit_test(test_worker_gives_memory_back),
        cmocka_unit_test(test_worker_init_is_ready_to_look_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: where a request for cancellation goes, from wherever it comes: withdrawn before it is
 *          felt, to tasks that are queued, running, or waiting in the kernel, down chains of awaits
 *          and gathers, from many at once.
 */
#include "support/actor.h"
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/os.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define FAILED_APP (-5001)

enum { MANY = RV_ASAN || RV_TSAN ? 200 : 2000 };

/* Goal: a request that is taken back before the next suspension was never there. */
RV_TASK_TEST(test_cancel_withdrawn_in_time_is_not_felt)
{
    rove_task *self = rove_current_task();
    RV_EXPECT(rove_cancel(self));
    RV_EXPECT_EQ(rove_uncancel(self), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT(rove_cancel(self));
    RV_EXPECT(rove_cancel(self));
    RV_EXPECT_EQ(rove_uncancel(self), 1);
    RV_EXPECT_EQ(rove_yield(), -ECANCELED); /* one is left */
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_cancelling(self), 1); /* felt, and counted until it is taken back */
    RV_EXPECT_EQ(rove_uncancel(self), 0);
    return 0;
}

static int cancel_self_and_return(void *arg, void **result)
{
    RV_EXPECT(rove_cancel(rove_current_task()));
    *result = arg;
    return arg == NULL ? FAILED_APP : 0;
}

/* Goal: as in asyncio: asked and then returned: cancelled; asked and then failed: the error. */
RV_TASK_TEST(test_cancel_of_oneself_then_return_is_cancelled)
{
    int value;
    void *got = &value;
    rove_task *t = rove_create_task(cancel_self_and_return, &value);
    RV_EXPECT_EQ(rove_await(t, &got), -ECANCELED);
    RV_EXPECT(rove_cancelled(t));
    rove_release(t);
    t = rove_create_task(cancel_self_and_return, NULL);
    RV_EXPECT_EQ(rove_await(t, &got), FAILED_APP);
    RV_EXPECT(!rove_cancelled(t));
    rove_release(t);
    return 0;
}

struct worker_task {
    RV_ATOMIC(uint32_t) is_there, may_go;
    int fd;
    int rc;
    char buffer[8];
};

static int yield_twice(void *arg, RV_UNUSED void **result)
{
    struct worker_task *w = arg;
    rv_store_relaxed(&w->is_there, 1u);
    w->rc = rove_yield();
    return w->rc < 0 ? w->rc : rove_yield();
}

/* One worker: it has run once and is queued again. */
static int queued_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct worker_task w = {.rc = 1};
    rove_task *t = rove_create_task(yield_twice, &w);
    RV_REQUIRE_EQ(rove_yield(), 0);
    RV_EXPECT(rv_load_relaxed(&w.is_there) != 0);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(w.rc, -ECANCELED);
    return 0;
}

static void test_cancel_of_a_queued_task_meets_it_when_it_runs(void **state)
{
    (void)state;
    rv_test_run_on(1, queued_body, NULL);
}

static int compute(void *arg, RV_UNUSED void **result)
{
    struct worker_task *w = arg;
    rv_store_relaxed(&w->is_there, 1u);
    while (rv_load_relaxed(&w->may_go) == 0)
        rv_os_sched_yield();
    return rove_yield();
}

static void *cancel_the_running(void *arg)
{
    struct worker_task *w = ((void **)arg)[0];
    while (rv_load_relaxed(&w->is_there) == 0)
        rv_os_sched_yield();
    RV_EXPECT(rove_cancel(((void **)arg)[1]));
    rv_store_relaxed(&w->may_go, 1u);
    return NULL;
}

/* Goal: a task that computes meanwhile is told at its next suspension. */
RV_TASK_TEST(test_cancel_of_a_running_task_waits_for_its_next_suspension)
{
    struct worker_task w = {.rc = 1};
    rove_task *t = rove_create_task(compute, &w);
    void *both[] = {&w, t};
    pthread_t thread;
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, cancel_the_running, both), 0);
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    pthread_join(thread, NULL);
    rove_release(t);
    return 0;
}

static int read_pipe(void *arg, RV_UNUSED void **result)
{
    struct worker_task *w = arg;
    rv_store_relaxed(&w->is_there, 1u);
    return (int)rove_read(w->fd, w->buffer, sizeof w->buffer);
}

enum { READERS = 8 };

static void *cancel_readers(void *arg)
{
    rove_task **ts = arg;
    for (size_t i = 0; i < READERS; i++)
        RV_EXPECT(rove_cancel(ts[i]));
    return NULL;
}

/* Goal: tasks that wait in the kernel, on whatever worker, are cancelled from a plain thread; their
 * buffers are their own again. */
RV_TASK_TEST(test_cancel_of_tasks_in_the_kernel_ends_their_operations)
{
    struct worker_task w[READERS] = {0};
    rove_task *ts[READERS];
    int fds[2];
    pthread_t thread;
    RV_REQUIRE_EQ(pipe(fds), 0);
    for (size_t i = 0; i < READERS; i++) {
        w[i].fd = fds[0];
        ts[i] = rove_create_task(read_pipe, &w[i]);
    }
    for (size_t i = 0; i < READERS; i++)
        RV_YIELD_UNTIL(rv_load_relaxed(&w[i].is_there) != 0);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, cancel_readers, ts), 0);
    for (size_t i = 0; i < READERS; i++)
        RV_EXPECT_EQ(rove_await(ts[i], NULL), -ECANCELED);
    pthread_join(thread, NULL); /* until here it uses the handles */
    for (size_t i = 0; i < READERS; i++)
        rove_release(ts[i]);
    RV_EXPECT_EQ(rove_write(fds[1], "filled", 6), 6);
    char sum = 0;
    for (size_t i = 0; i < READERS; i++)
        sum |= w[i].buffer[0];
    RV_EXPECT_EQ(sum, 0);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

struct link {
    struct link *below; /* NULL: the last, which sleeps */
    rove_task *task;    /* below's */
    RV_ATOMIC(uint32_t) is_there;
    bool gathers;
};

static int await_below(void *arg, RV_UNUSED void **result)
{
    struct link *l = arg;
    if (l->below != NULL)
        l->task = rove_create_task(await_below, l->below);
    rv_store_relaxed(&l->is_there, 1u);
    if (l->below == NULL)
        return rove_sleep(ROVE_FOREVER);
    int rc = l->gathers ? rove_gather(1, &l->task, NULL) : rove_await(l->task, NULL);
    RV_EXPECT(rove_done(l->task));
    rove_release(l->task);
    return rc;
}

/* A chain of tasks: `gathers` says which of two neighbours waits by gather. */
static int cancel_chain(bool odd_gathers, bool even_gathers)
{
    struct link *links = calloc(MANY, sizeof *links);
    RV_REQUIRE(links != NULL);
    for (size_t i = 0; i < MANY; i++) {
        links[i].below = i + 1 < MANY ? &links[i + 1] : NULL;
        links[i].gathers = i % 2 != 0 ? odd_gathers : even_gathers;
    }
    rove_task *top = rove_create_task(await_below, links);
    RV_YIELD_UNTIL(rv_load_relaxed(&links[MANY - 1].is_there) != 0);
    RV_EXPECT(rove_cancel(top));
    RV_EXPECT_EQ(rove_join(top, NULL), -ECANCELED);
    free(links);
    return 0;
}

/* Goal: down thousands of awaits and gathers, without deep recursion; the last ends first. */
RV_TASK_TEST(test_cancel_goes_down_long_chains)
{
    RV_REQUIRE_EQ(cancel_chain(false, false), 0);
    RV_REQUIRE_EQ(cancel_chain(true, true), 0);
    RV_REQUIRE_EQ(cancel_chain(true, false), 0);
    return 0;
}

struct ring {
    rove_task *next;
    rove_future *gate;
    bool gathers;
};

static int await_next(void *arg, RV_UNUSED void **result)
{
    struct ring *r = arg;
    int rc = rove_await(r->gate, NULL);
    if (rc < 0)
        return rc;
    return r->gathers ? rove_gather(1, &r->next, NULL) : rove_await(r->next, NULL);
}

/* Goal: a ring of tasks that await each other is opened where the request comes back. */
RV_TASK_TEST(test_cancel_opens_a_ring_of_awaits)
{
    enum { N = 5 };
    for (unsigned gathering = 0; gathering < 1u << N; gathering++) {
        struct ring rings[N];
        rove_task *ts[N];
        rove_future *gate = rove_create_future();
        for (size_t i = 0; i < N; i++) {
            rings[i] = (struct ring){.gate = gate, .gathers = (gathering >> i & 1u) != 0};
            ts[i] = rove_create_task(await_next, &rings[i]);
        }
        for (size_t i = 0; i < N; i++)
            rings[i].next = ts[(i + 1) % N];
        rove_set_result(gate, NULL);
        for (int turn = 0; turn < 3; turn++)
            rove_yield();
        RV_EXPECT(rove_cancel(ts[0]));
        for (size_t i = 0; i < N; i++)
            RV_EXPECT_EQ(rove_await(ts[i], NULL), -ECANCELED);
        for (size_t i = 0; i < N; i++)
            rove_release(ts[i]);
        rove_release(gate);
    }
    return 0;
}

struct counted {
    RV_ATOMIC(uint32_t) is_there, felt;
    rove_future *gate;
};

static int count_requests(void *arg, RV_UNUSED void **result)
{
    struct counted *c = arg;
    rove_future *gate = c->gate;
    rv_store_relaxed(&c->is_there, 1u);
    while (!rove_done(gate)) {
        if (rove_yield() == -ECANCELED)
            (void)rv_fetch_add_relaxed(&c->felt, 1u);
    }
    return 0;
}

enum { CANCELLERS = 4, REQUESTS = 50 };

static void *request_often(void *task)
{
    for (int i = 0; i < REQUESTS; i++)
        RV_EXPECT(rove_cancel(task));
    return NULL;
}

/* Goal: every request is counted; those that come before one is felt are felt together. */
RV_TASK_TEST(test_cancel_requests_of_many_threads_are_all_counted)
{
    struct counted c = {.gate = rove_create_future()};
    rove_task *t = rove_create_task(count_requests, &c);
    pthread_t threads[CANCELLERS];
    RV_YIELD_UNTIL(rv_load_relaxed(&c.is_there) != 0);
    for (size_t i = 0; i < CANCELLERS; i++)
        RV_REQUIRE_EQ(pthread_create(&threads[i], NULL, request_often, t), 0);
    for (size_t i = 0; i < CANCELLERS; i++)
        pthread_join(threads[i], NULL);
    RV_EXPECT_EQ(rove_cancelling(t), CANCELLERS * REQUESTS);
    RV_YIELD_UNTIL(rv_load_relaxed(&c.felt) > 0);
    RV_EXPECT(rv_load_relaxed(&c.felt) <= CANCELLERS * REQUESTS);
    rove_set_result(c.gate, NULL);
    (void)rove_join(t, NULL); /* 0, or cancelled by a request that it has not felt */
    rove_release(c.gate);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_withdrawn_in_time_is_not_felt),
        cmocka_unit_test(test_cancel_of_oneself_then_return_is_cancelled),
        cmocka_unit_test(test_cancel_of_a_queued_task_meets_it_when_it_runs),
        cmocka_unit_test(test_cancel_of_a_running_task_waits_for_its_next_suspension),
        cmocka_unit_test(test_cancel_of_tasks_in_the_kernel_ends_their_operations),
        cmocka_unit_test(test_cancel_goes_down_long_chains),
        cmocka_unit_test(test_cancel_opens_a_ring_of_awaits),
        cmocka_unit_test(test_cancel_requests_of_many_threads_are_all_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/current.h: who runs here, read anew each time, though a task changes threads.
 * Idea:    the thread id the kernel gives is what no compiler can remember; the worker that the
 *          library names must be the one that has it, in one function, around each switch.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/os.h"
#include "sched/current.h"
#include "sched/runtime.h"

#include <pthread.h>

enum { TURNS = 400, TASKS = 16 };

struct scene {
    RV_ATOMIC(unsigned) moves; /* a task found itself on another thread than before */
    RV_ATOMIC(unsigned) running;
};

/* Everything inline here, so that a compiler that keeps an address would use it again below. */
static int look_at_each_turn(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    struct rv_task *self = rv_current_task();
    pid_t before = rv_os_gettid();
    (void)rv_fetch_add_relaxed(&s->running, 1u);
    for (int i = 0; i < TURNS; i++) {
        RV_REQUIRE_PTR(rv_current_worker(), self->worker);
        RV_REQUIRE_EQ(rv_current_worker()->tid, rv_os_gettid());
        RV_REQUIRE_PTR(rv_load_relaxed(&rv_current_worker()->current), self);
        (void)rove_yield();
        RV_REQUIRE_EQ(rv_current_worker()->tid, rv_os_gettid());
        RV_REQUIRE_PTR(rv_current_worker(), self->worker);
        RV_REQUIRE_PTR(rv_current_task(), self);
        pid_t now = rv_os_gettid();
        if (now != before)
            (void)rv_fetch_add_relaxed(&s->moves, 1u);
        before = now;
    }
    return 0;
}

/* Goal: after every switch a task reads its present worker, wherever it runs. */
RV_TASK_TEST(test_current_is_read_anew_after_each_switch)
{
    struct scene s = {0};
    rove_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = rove_create_task(look_at_each_turn, &s);
    for (int i = 0; i < TASKS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&s.running), TASKS);
    if (rv_current_worker()->runtime->worker_count == 1)
        RV_EXPECT_EQ(rv_load_relaxed(&s.moves), 0);
    return 0;
}

static int wait_on_purpose(void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(unsigned) *others = arg;
    struct rv_worker *w = rv_current_worker();
    unsigned count = w->runtime->worker_count;
    (void)rv_fetch_add_relaxed(others, 1u);
    while (rv_load_relaxed(others) < count) /* as many tasks at once as workers: no two share */
        rv_os_sched_yield();
    return (int)w->idx;
}

/* Goal: each thread has its own: tasks that hold all workers at once name all of them. */
RV_TASK_TEST(test_current_differs_from_thread_to_thread)
{
    RV_ATOMIC(unsigned) others = 0;
    unsigned count = rv_current_worker()->runtime->worker_count;
    rove_task *tasks[64];
    uint64_t seen = 0;
    for (unsigned i = 0; i + 1 < count; i++)
        tasks[i] = rove_create_task(wait_on_purpose, &others);
    seen |= UINT64_C(1) << wait_on_purpose(&others, NULL);
    for (unsigned i = 0; i + 1 < count; i++) {
        int idx = rove_join(tasks[i], NULL);
        RV_EXPECT(idx >= 0 && (unsigned)idx < count);
        seen |= UINT64_C(1) << (idx & 63);
    }
    RV_EXPECT_EQ(seen, count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1);
    return 0;
}

struct callback_view {
    struct rv_worker *worker;
    struct rv_task *task;
    RV_ATOMIC(uint32_t) is_done;
};

static void look_from_callback(RV_UNUSED rove_future *f, void *ctx)
{
    struct callback_view *view = ctx;
    view->worker = rv_current_worker();
    view->task = rv_current_task();
    rv_store_release(&view->is_done, 1u);
}

/* Goal: a done callback has a worker but is no task. */
RV_TASK_TEST(test_current_callback_is_no_task)
{
    struct callback_view view = {.task = rv_current_task()};
    rove_future *f = rove_create_future();
    RV_REQUIRE(f != NULL);
    RV_EXPECT_EQ(rove_add_done_callback(f, look_from_callback, &view), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    RV_YIELD_UNTIL(rv_load_acquire(&view.is_done) != 0);
    RV_EXPECT(view.worker != NULL && view.worker->runtime == rv_current_worker()->runtime);
    RV_EXPECT_PTR(view.task, NULL);
    rove_release(f);
    return 0;
}

static void *look_from_thread(void *arg)
{
    struct rv_worker **seen = arg;
    *seen = rv_current_worker();
    rv_current_set_worker((struct rv_worker *)arg);
    if (rv_current_worker() != (struct rv_worker *)arg)
        *seen = arg;
    rv_current_set_worker(NULL);
    if (rv_current_worker() != NULL)
        *seen = arg;
    return NULL;
}

/* Goal: nobody runs on a plain thread, and what one thread sets no other sees. */
static void test_current_plain_thread_has_none(void **state)
{
    pthread_t thread;
    struct rv_worker *seen = (struct rv_worker *)(void *)&thread;
    (void)state;
    assert_null(rv_current_worker());
    assert_null(rv_current_task());
    assert_int_equal(pthread_create(&thread, NULL, look_from_thread, &seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(seen);
    assert_null(rv_current_worker());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_is_read_anew_after_each_switch),
        cmocka_unit_test(test_current_differs_from_thread_to_thread),
        cmocka_unit_test(test_current_callback_is_no_task),
        cmocka_unit_test(test_current_plain_thread_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/runtime.h: starting whole or not at all, ending with nothing left.
 * Idea:    threads, back-ends and memory are refused one after the other, by way of the linker;
 *          each refusal must give its error and leave no thread, descriptor or byte.
 */
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include "core/os.h"
#include "sched/current.h"
#include "sched/runtime.h"

#include <errno.h>
#include <pthread.h>

enum { MOST_ALLOCATIONS = 500, TASKS = 20 };

int __real_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg);
int __wrap_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg);
const struct rv_poller_ops *__real_rv_poller_pick(rove_backend wish, unsigned n);
const struct rv_poller_ops *__wrap_rv_poller_pick(rove_backend wish, unsigned n);

static int threads_left = -1; /* that may still be created; negative: all */
static const struct rv_poller_ops *first_poller; /* tried before the real ones */

int __wrap_rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
    if (threads_left == 0)
        return -EAGAIN;
    threads_left -= threads_left > 0;
    return __real_rv_os_thread_create(thread, main, arg);
}

const struct rv_poller_ops *__wrap_rv_poller_pick(rove_backend wish, unsigned n)
{
    if (first_poller == NULL)
        return __real_rv_poller_pick(wish, n);
    return n == 0 ? first_poller : __real_rv_poller_pick(wish, n - 1);
}

static int do_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static void silence(RV_UNUSED void *ctx, RV_UNUSED int level, RV_UNUSED const char *message)
{
}

/* Goal: the k-th thread is refused: the start fails whole, for every k. */
static void test_runtime_refused_thread_fails_the_start(void **state)
{
    struct rv_test_usage before;
    const rove_options options = {.workers = 4, .log = silence};
    (void)state;
    rv_test_usage_read(&before);
    for (int k = 0; k < 4; k++) {
        rove_runtime *runtime = (rove_runtime *)(void *)&before;
        threads_left = k;
        assert_int_equal(rove_runtime_start(&options, &runtime), -EAGAIN);
        threads_left = -1;
        assert_ptr_equal(runtime, &before); /* untouched */
        rv_test_usage_check(&before);
    }
}

/* Goal: the k-th allocation is refused: -ENOMEM or, where it was not needed, a whole runtime. */
static void test_runtime_refused_memory_fails_the_start(void **state)
{
    struct rv_test_usage before;
    const rove_options options = {.workers = 3, .log = silence};
    int rc = -ENOMEM;
    int refused = 0;
    (void)state;
    rv_test_usage_read(&before);
    for (int k = 0; rc != 0 && k < MOST_ALLOCATIONS; k++) {
        rove_runtime *runtime;
        rv_scarce_after(k);
        rc = rove_runtime_start(&options, &runtime);
        rv_scarce_end();
        refused += rc == -ENOMEM;
        if (rc == 0)
            assert_int_equal(rove_runtime_stop(runtime, 0), 0);
        else
            assert_int_equal(rc, -ENOMEM);
        rv_test_usage_check(&before);
    }
    assert_int_equal(rc, 0);
    assert_true(refused > 5);
}

static int fails_to_start(RV_UNUSED struct rove_runtime *runtime)
{
    return -EPERM;
}

static int starts(RV_UNUSED struct rove_runtime *runtime)
{
    return 0;
}

static RV_ATOMIC(unsigned) stops;

static void stops_runtime(RV_UNUSED struct rove_runtime *runtime)
{
    (void)rv_fetch_add_relaxed(&stops, 1u);
}

static int fails_on_the_last_worker(struct rv_worker *w)
{
    return w->idx + 1 == w->runtime->worker_count ? -ENOSPC : 0;
}

static void stops_worker(RV_UNUSED struct rv_worker *w)
{
    (void)rv_fetch_add_relaxed(&stops, 1u);
}

struct refusals {
    unsigned of_system, of_doubter; /* lines that say so; on the main thread, at the start */
};

static void count_refusals(void *ctx, RV_UNUSED int level, const char *message)
{
    struct refusals *r = ctx;
    r->of_system += strstr(message, "refuser is refused here: the system forbids it") != NULL;
    r->of_doubter += strstr(message, "doubter is refused here: ") != NULL;
}

/* Goal: a back-end that is refused, as a whole or on one worker, is given up, said, and the next
 * one serves; what it had started is stopped. */
static void test_runtime_refused_backend_gives_way_to_the_next(void **state)
{
    static const struct rv_poller_ops whole = {.name = "refuser", .runtime_start = fails_to_start};
    static const struct rv_poller_ops partly = {.name = "doubter",
                                                .runtime_start = starts,
                                                .runtime_stop = stops_runtime,
                                                .worker_start = fails_on_the_last_worker,
                                                .worker_stop = stops_worker};
    (void)state;
    rv_store_relaxed(&stops, 0u);
    for (int k = 0; k < 2; k++) {
        struct refusals r = {0};
        rove_options options = {.workers = 3, .log = count_refusals, .log_ctx = &r};
        first_poller = k == 0 ? &whole : &partly;
        assert_int_equal(rove_run_with(&options, do_nothing, NULL, NULL), 0);
        first_poller = NULL;
        assert_int_equal(r.of_system, k == 0);
        assert_int_equal(r.of_doubter, k);
    }
    assert_int_equal(rv_load_relaxed(&stops), 1 + 2); /* the runtime, and the two that started */
}

/* Goal: what is left open in the options gets its default. */
static void test_runtime_options_get_defaults(void **state)
{
    rove_runtime *runtime;
    (void)state;
    assert_int_equal(rove_runtime_start(NULL, &runtime), 0);
    assert_int_equal(runtime->options.workers, rv_os_cpu_count());
    assert_int_equal(runtime->worker_count, runtime->options.workers);
    assert_int_equal(runtime->options.stack_size, 128 * 1024);
    assert_int_equal(runtime->options.max_threads, 512);
    assert_int_equal(runtime->options.slow_step, ROVE_MS(100));
    assert_int_equal(rove_runtime_stop(runtime, 0), 0);
    assert_int_equal(rove_runtime_start(NULL, NULL), -EINVAL);
    assert_int_equal(rove_runtime_stop(NULL, 0), -EINVAL);
}

static int wait_for_event(void *arg, RV_UNUSED void **result)
{
    return rove_event_wait(arg);
}

struct stopper {
    rove_runtime *runtime;
    int rc;
};

static void *stop_with_grace(void *arg)
{
    struct stopper *s = arg;
    s->rc = rove_runtime_stop(s->runtime, ROVE_FOREVER);
    return NULL;
}

/* Goal: while it stops, a runtime takes nothing more; in its grace tasks end by themselves. */
static void test_runtime_stopping_takes_nothing_more(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        struct stopper s;
        rove_event gate = {0};
        pthread_t thread;
        rove_task *last = NULL;
        assert_int_equal(rove_runtime_start(&(rove_options){.workers = workers}, &s.runtime), 0);
        rove_task *t = rove_submit(s.runtime, wait_for_event, &gate);
        assert_non_null(t);
        assert_int_equal(rv_runtime_live(s.runtime), 1);
        assert_int_equal(pthread_create(&thread, NULL, stop_with_grace, &s), 0);
        while ((last = rove_submit(s.runtime, do_nothing, NULL)) != NULL) {
            assert_int_equal(rove_wait_blocking(last, ROVE_FOREVER, NULL), 0);
            rove_release(last);
        }
        assert_false(rove_done(t));
        rove_event_set(&gate);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(s.rc, 0);
        assert_int_equal(rove_wait_blocking(t, 0, NULL), 0); /* not cancelled */
        rove_release(t); /* outlives its runtime */
    }
}

static int create_while_cancelled(void *arg, RV_UNUSED void **result)
{
    int rc = rove_event_wait(arg);
    rove_task *t = rove_create_task(wait_for_event, arg); /* left behind: the next round's */
    rove_release(t);
    return rc;
}

/* Goal: without grace everything is cancelled, what the clean-up starts too. */
static void test_runtime_stop_cancels_what_is_left(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        rove_runtime *runtime;
        rove_event never = {0};
        rove_task *tasks[TASKS];
        assert_int_equal(rove_runtime_start(&(rove_options){.workers = workers}, &runtime), 0);
        for (int i = 0; i < TASKS; i++)
            tasks[i] = rove_submit(runtime, create_while_cancelled, &never);
        assert_int_equal(rv_runtime_live(runtime), TASKS);
        assert_int_equal(rove_wait_blocking(tasks[0], 0, NULL), -ETIMEDOUT);
        assert_int_equal(rove_runtime_stop(runtime, 0), 0);
        for (int i = 0; i < TASKS; i++) {
            assert_int_equal(rove_wait_blocking(tasks[i], ROVE_FOREVER, NULL), -ECANCELED);
            rove_release(tasks[i]);
        }
    }
}

static int ask_from_within(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_runtime *mine = rv_current_worker()->runtime;
    rove_runtime *other;
    RV_EXPECT_EQ(rove_run(do_nothing, NULL, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_runtime_stop(mine, 0), -EPERM);
    RV_EXPECT(rove_submit(NULL, do_nothing, NULL) == NULL);
    RV_EXPECT(rove_submit(mine, NULL, NULL) == NULL);
    rove_task *t = rove_submit(mine, do_nothing, NULL);
    RV_EXPECT_EQ(rove_wait_blocking(t, 0, NULL), -EPERM);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_REQUIRE_EQ(rove_runtime_start(&(rove_options){.workers = 2}, &other), 0);
    t = rove_submit(other, do_nothing, NULL); /* of one runtime, awaited in another */
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(rv_runtime_live(other) <= 1); /* the books are closed a moment after the outcome */
    RV_EXPECT_EQ(rv_runtime_end(other, 0), 0);
    return 0;
}

/* Goal: what would block a worker for ever is refused; runtimes live side by side. */
static void test_runtime_from_within_another(void **state)
{
    (void)state;
    rv_test_run(ask_from_within, NULL);
    assert_int_equal(rove_wait_blocking(NULL, 0, NULL), -EINVAL);
    assert_int_equal(rove_run(NULL, NULL, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runtime_refused_thread_fails_the_start),
        cmocka_unit_test(test_runtime_refused_memory_fails_the_start),
        cmocka_unit_test(test_runtime_refused_backend_gives_way_to_the_next),
        cmocka_unit_test(test_runtime_options_get_defaults),
        cmocka_unit_test(test_runtime_stopping_takes_nothing_more),
        cmocka_unit_test(test_runtime_stop_cancels_what_is_left),
        cmocka_unit_test(test_runtime_from_within_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

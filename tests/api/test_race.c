// SPDX-License-Identifier: MIT
/*
 * Purpose: each pair of events that can collide does so a million times: set and await, set and
 *          cancel, cancel and complete, timeout and complete, release and complete, stop and
 *          submit. Whatever comes first, the outcome is one of the two, told alike to both sides.
 * Idea:    a rival, a plain thread, goes through the same list as a task of the runtime, one step
 *          for each entry; a leash keeps the two within a few entries of each other, so that they
 *          meet all along the way. Which one is ahead is left to the machine.
 * Threads: the rival's step on its own thread; it begins when a list is ready (`go`), and says when
 *          it is through (`through`).
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/os.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum {
    MILLION = RV_TSAN || RV_ASAN ? 5000 : 1000000,
    BATCH = 1000,
    LEASH = 16,
    SHARE = 20, /* of a million, for other numbers of workers than two */
    SPINS = 64 /* before the processor is offered to others; arbitrary */
};

struct race {
    void (*rival_step)(struct race *r, size_t i);
    rove_future *fs[BATCH];
    bool rival_won[BATCH];      /* the rival's, read when it is through */
    RV_ATOMIC(size_t) at, rival_at;
    sem_t go;
    rove_event through;
    RV_ATOMIC(bool) is_there; /* the rival has seen go */
    RV_ATOMIC(bool) is_over;
    pthread_t thread;
};

/* Until the other side has come so far. */
static void follow(RV_ATOMIC(size_t) *other, size_t i)
{
    for (unsigned spins = 0; rv_load_relaxed(other) + LEASH < i; spins++) {
        if (spins % SPINS == SPINS - 1)
            rv_os_sched_yield();
        else
            rv_cpu_relax();
    }
}

static void *run_rival(void *arg)
{
    struct race *r = arg;
    for (;;) {
        while (sem_wait(&r->go) != 0) {
        }
        if (rv_load_relaxed(&r->is_over))
            return NULL;
        rv_store_relaxed(&r->is_there, true);
        for (size_t i = 0; i < BATCH; i++) {
            r->rival_step(r, i);
            rv_store_relaxed(&r->rival_at, i + 1);
        }
        rove_event_set(&r->through);
    }
}

static void race_begin(struct race *r, void (*rival_step)(struct race *, size_t))
{
    *r = (struct race){.rival_step = rival_step};
    sem_init(&r->go, 0, 0);
    RV_EXPECT_EQ(pthread_create(&r->thread, NULL, run_rival, r), 0);
}

static void race_end(struct race *r)
{
    rv_store_relaxed(&r->is_over, true);
    sem_post(&r->go);
    pthread_join(r->thread, NULL);
    sem_destroy(&r->go);
}

/* Both sides start. */
static void race_start_batch(struct race *r)
{
    rv_store_relaxed(&r->at, 0);
    rv_store_relaxed(&r->rival_at, 0);
    rv_store_relaxed(&r->is_there, false);
    sem_post(&r->go);
    while (!rv_load_relaxed(&r->is_there))
        rv_os_sched_yield();
}

static void race_end_batch(struct race *r)
{
    RV_EXPECT_EQ(rove_event_wait(&r->through), 0);
    rove_event_clear(&r->through);
}

/* RV_RACE_TURNS=1000000 makes each race that long, with any number of workers and sanitizer. */
static size_t turns_wished(void)
{
    const char *text = getenv("RV_RACE_TURNS");
    return text == NULL ? 0 : strtoul(text, NULL, 10);
}

/* The whole million with two workers, where two cores meet; a share of it with the others. */
static size_t batches(void)
{
    if (turns_wished() > 0)
        return turns_wished() / BATCH;
    rove_metrics *m = malloc(sizeof *m);
    unsigned workers = m == NULL || rove_metrics_read(rove_current_runtime(), m) < 0 ? 0
                                                                                     : m->workers;
    free(m);
    return workers == 2 ? MILLION / BATCH : MILLION / BATCH / SHARE + 1;
}

/*
 * As RV_TASK_TEST, but for bytes: two threads that allocate and free at once leave the books of the
 * C library's arenas uneven. The address sanitizer's leak check sees what is lost here.
 */
static void run_race(rove_coro *body)
{
    RV_FOR_EACH_WORKERS(workers) {
        struct rv_test_usage before;
        rv_test_usage_read(&before);
        assert_int_equal(rove_run_with(&(rove_options){.workers = workers}, body, NULL, NULL), 0);
        rv_test_settle();
        rv_test_usage_check(&before);
    }
}

#define RACE_TEST(name)                                                    \
    static int name##_body(void *arg, void **result);                      \
    static void name(void **state)                                         \
    {                                                                      \
        (void)state;                                                       \
        run_race(name##_body);                                             \
    }                                                                      \
    static int name##_body(RV_UNUSED void *arg, RV_UNUSED void **result)

static void create_futures(struct race *r)
{
    for (size_t i = 0; i < BATCH; i++)
        r->fs[i] = rove_create_future();
}

static void release_all(struct race *r)
{
    for (size_t i = 0; i < BATCH; i++)
        rove_release(r->fs[i]);
}

static void set_step(struct race *r, size_t i)
{
    follow(&r->at, i);
    r->rival_won[i] = rove_set_result(r->fs[i], &r->fs[i]) == 0;
}

/* Goal: a future is set while its first awaiter is about to wait: none sleeps through it. */
RACE_TEST(test_race_of_set_and_await)
{
    static struct race r;
    race_begin(&r, set_step);
    for (size_t n = batches(); n > 0; n--) {
        create_futures(&r);
        race_start_batch(&r);
        for (size_t i = 0; i < BATCH; i++) {
            void *value = NULL;
            RV_EXPECT_EQ(rove_await(r.fs[i], &value), 0);
            RV_EXPECT_PTR(value, &r.fs[i]);
            rv_store_relaxed(&r.at, i + 1);
        }
        race_end_batch(&r);
        release_all(&r);
    }
    race_end(&r);
    return 0;
}

static int await_in_order(void *arg, RV_UNUSED void **result)
{
    struct race *r = arg;
    for (size_t i = 0; i < BATCH; i++)
        RV_EXPECT_EQ(rove_await(r->fs[i], NULL), 0);
    return 0;
}

/* Goal: the same with several awaiters, a wait for many among them: all are told. */
RACE_TEST(test_race_of_set_and_many_awaiters)
{
    static struct race r;
    race_begin(&r, set_step);
    for (size_t n = batches() / 4; n > 0; n--) {
        create_futures(&r);
        rove_task *other = rove_create_task(await_in_order, &r);
        race_start_batch(&r);
        for (size_t i = 0; i + 1 < BATCH; i += 2) {
            RV_EXPECT_EQ(rove_gather(2, &r.fs[i], NULL), 0);
            rv_store_relaxed(&r.at, i + 2);
        }
        RV_EXPECT_EQ(rove_join(other, NULL), 0);
        race_end_batch(&r);
        release_all(&r);
    }
    race_end(&r);
    return 0;
}

/* Goal: a future is set or cancelled: exactly one of the two goes through. */
RACE_TEST(test_race_of_set_and_cancel)
{
    static struct race r;
    static bool was_cancelled[BATCH];
    race_begin(&r, set_step);
    for (size_t n = batches(); n > 0; n--) {
        create_futures(&r);
        race_start_batch(&r);
        for (size_t i = 0; i < BATCH; i++) {
            follow(&r.rival_at, i);
            was_cancelled[i] = rove_cancel(r.fs[i]);
            rv_store_relaxed(&r.at, i + 1);
        }
        race_end_batch(&r);
        for (size_t i = 0; i < BATCH; i++) {
            RV_EXPECT(was_cancelled[i] != r.rival_won[i]);
            RV_EXPECT_EQ(rove_result(r.fs[i], NULL), was_cancelled[i] ? -ECANCELED : 0);
        }
        release_all(&r);
    }
    race_end(&r);
    return 0;
}

static RV_ATOMIC(size_t) ended; /* tasks of this batch that came to their end */

/* The rival, before entry i, a task: it is there, and all but LEASH before it have ended. */
static void follow_tasks(struct race *r, size_t i)
{
    unsigned spins = 0;
    /* order: acquire X1. The handle before its number; pairs with create_tasks. */
    while (rv_load_acquire(&r->at) <= i || rv_load_relaxed(&ended) + LEASH < i) {
        if (++spins % SPINS == 0)
            rv_os_sched_yield();
        else
            rv_cpu_relax();
    }
}

/* The entries are tasks; they run as they come. */
static void create_tasks(struct race *r, rove_coro *fn)
{
    for (size_t i = 0; i < BATCH; i++) {
        r->fs[i] = rove_create_task(fn, (void *)(uintptr_t)i);
        /* order: release X1. Pairs with follow_tasks. */
        rv_store_release(&r->at, i + 1);
    }
}

static void cancel_step(struct race *r, size_t i)
{
    follow_tasks(r, i);
    r->rival_won[i] = rove_cancel(r->fs[i]);
    if (r->rival_won[i])
        (void)rv_fetch_add_relaxed(&ended, 1u); /* it may never run, and does not count itself */
}

/* Suspends up to twice; on each way it passes on what it is told. */
static int yield_some(void *arg, RV_UNUSED void **result)
{
    int rc = 0;
    for (uintptr_t n = (uintptr_t)arg % 3; n > 0 && rc == 0; n--)
        rc = rove_yield();
    if (rc == 0)
        (void)rv_fetch_add_relaxed(&ended, 1u);
    return rc;
}

/* Goal: who is told that the request was made finds the task cancelled, also when it had returned
 * already; who is refused finds it done as if nothing had been asked. */
RACE_TEST(test_race_of_cancel_and_complete)
{
    static struct race r;
    race_begin(&r, cancel_step);
    for (size_t n = batches(); n > 0; n--) {
        rv_store_relaxed(&ended, 0);
        race_start_batch(&r);
        create_tasks(&r, yield_some);
        for (size_t i = 0; i < BATCH; i++)
            RV_EXPECT(rove_await(r.fs[i], NULL) == 0 || rove_cancelled(r.fs[i]));
        race_end_batch(&r);
        for (size_t i = 0; i < BATCH; i++)
            RV_EXPECT_EQ(rove_cancelled(r.fs[i]), r.rival_won[i]);
        release_all(&r);
    }
    race_end(&r);
    return 0;
}

static void release_step(struct race *r, size_t i)
{
    follow_tasks(r, i);
    rove_release(r->fs[i]);
}

static int count_end(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    (void)rv_fetch_add_relaxed(&ended, 1u);
    return 0;
}

/* Goal: the only handle is dropped while the task ends: it runs, once, and is freed, once. */
RACE_TEST(test_race_of_release_and_complete)
{
    static struct race r;
    race_begin(&r, release_step);
    for (size_t n = batches(); n > 0; n--) {
        rv_store_relaxed(&ended, 0);
        race_start_batch(&r);
        create_tasks(&r, count_end);
        race_end_batch(&r);
        RV_YIELD_UNTIL(rv_load_relaxed(&ended) == BATCH);
    }
    race_end(&r);
    return 0;
}

struct waiters {
    struct race *race;
    RV_ATOMIC(size_t) next;
};

/* Takes entry after entry; the time that it gives each is up to about one step of the rival. */
static int wait_in_turn(void *arg, RV_UNUSED void **result)
{
    struct waiters *w = arg;
    struct race *r = w->race;
    size_t i;
    while ((i = rv_fetch_add_relaxed(&w->next, 1u)) < BATCH) {
        rv_store_relaxed(&r->at, i);
        int rc = rove_wait_for(r->fs[i], ROVE_NS(1 + (rove_duration)(i * 37 % 4096)), NULL);
        RV_EXPECT(rove_done(r->fs[i]));
        RV_EXPECT_EQ(rc, rove_cancelled(r->fs[i]) ? -ETIMEDOUT : 0);
        RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    }
    return 0;
}

/* Goal: a deadline passes while the future is set: whichever comes first is the outcome of both the
 * future and the wait, and the task is clean afterwards. */
RACE_TEST(test_race_of_timeout_and_complete)
{
    enum { WAITERS = 4 };
    static struct race r;
    race_begin(&r, set_step);
    for (size_t n = batches(); n > 0; n--) {
        struct waiters w = {.race = &r};
        rove_call calls[WAITERS];
        for (size_t i = 0; i < WAITERS; i++)
            calls[i] = (rove_call){wait_in_turn, &w};
        create_futures(&r);
        race_start_batch(&r);
        RV_EXPECT_EQ(rove_gather_calls(WAITERS, calls, NULL), 0);
        rv_store_relaxed(&r.at, BATCH);
        race_end_batch(&r);
        for (size_t i = 0; i < BATCH; i++)
            RV_EXPECT_EQ(rove_result(r.fs[i], NULL), r.rival_won[i] ? 0 : -ECANCELED);
        release_all(&r);
    }
    race_end(&r);
    return 0;
}

enum { SUBMITS = 2000 };

struct submits {
    rove_runtime *runtime;
    RV_ATOMIC(size_t) ran, refused;
    rove_event over; /* the submitter has finished; until then the runtime is kept from ending */
};

static int count_run(void *arg, RV_UNUSED void **result)
{
    struct submits *s = arg;
    (void)rv_fetch_add_relaxed(&s->ran, 1u);
    return 0;
}

static void *submit_all(void *arg)
{
    struct submits *s = arg;
    for (size_t i = 0; i < SUBMITS; i++) {
        rove_task *t = rove_submit(s->runtime, count_run, s);
        if (t == NULL)
            (void)rv_fetch_add_relaxed(&s->refused, 1u);
        rove_release(t);
    }
    rove_event_set(&s->over);
    return NULL;
}

static int keep_alive(void *arg, RV_UNUSED void **result)
{
    struct submits *s = arg;
    return rove_event_wait(&s->over);
}

/* Goal: threads submit while the runtime is told to stop: each task is refused or runs. */
static void test_race_of_stop_and_submit(void **state)
{
    (void)state;
    size_t rounds = turns_wished() > 0 ? turns_wished() / SUBMITS : MILLION / SUBMITS / 2;
    for (size_t round = 0; round < rounds; round++) {
        struct submits s = {0};
        pthread_t thread;
        const rove_options options = {.workers = 1 + (unsigned)round % 3};
        assert_int_equal(rove_runtime_start(&options, &s.runtime), 0);
        rove_release(rove_submit(s.runtime, keep_alive, &s));
        assert_int_equal(pthread_create(&thread, NULL, submit_all, &s), 0);
        while (rv_load_relaxed(&s.ran) < round % 64 && !rove_event_is_set(&s.over))
            rv_os_sched_yield();
        assert_int_equal(rove_runtime_stop(s.runtime, ROVE_FOREVER), 0);
        pthread_join(thread, NULL);
        assert_int_equal(rv_load_relaxed(&s.ran) + rv_load_relaxed(&s.refused), SUBMITS);
    }
}

/* A pattern as argument runs those races only. */
int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_race_of_set_and_await),
        cmocka_unit_test(test_race_of_set_and_many_awaiters),
        cmocka_unit_test(test_race_of_set_and_cancel),
        cmocka_unit_test(test_race_of_cancel_and_complete),
        cmocka_unit_test(test_race_of_release_and_complete),
        cmocka_unit_test(test_race_of_timeout_and_complete),
        cmocka_unit_test(test_race_of_stop_and_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

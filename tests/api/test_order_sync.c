// SPDX-License-Identifier: MIT
/*
 * Purpose: on one worker, locks and queues let their waiters go in the rounds that asyncio takes.
 * Idea:    scenes, see rounds.h, and beside each the Python program that prints the same.
 */
#include "support/rounds.h"

static rove_event event;
static rove_mutex mutex;
static rove_semaphore semaphore;
static rove_cond cond;
static rove_barrier barrier;
static rove_queue *queue;

static char *const names[] = {"x", "y", "z"};

enum { N = RV_ARRAY_LEN(names) };

static void start(rove_coro *fn, rove_task *ts[])
{
    for (size_t i = 0; i < N; i++)
        ts[i] = rove_create_task(fn, names[i]);
}

static void join(size_t n, rove_task *ts[])
{
    for (size_t i = 0; i < n; i++)
        RV_EXPECT_EQ(rove_join(ts[i], NULL), 0);
}

/* await e.wait(); log(n) */
static int wait_for_event(void *name, RV_UNUSED void **result)
{
    int rc = rove_event_wait(&event);
    rv_note(name, "");
    return rc;
}

/* three of them; await sleep(0); e.set(); log("S") */
static void scene_event(void)
{
    rove_task *ts[N];
    event = (rove_event){0};
    start(wait_for_event, ts);
    RV_EXPECT_EQ(rove_yield(), 0);
    rove_event_set(&event);
    rv_note("S", "");
    join(N, ts);
}

/* async with l: log(n + "+"); await sleep(0); log(n + "-") */
static int hold_mutex(void *name, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(rove_mutex_lock(&mutex), 0);
    rv_note(name, "+");
    int rc = rove_yield();
    rv_note(name, "-");
    rove_mutex_unlock(&mutex);
    return rc;
}

static void scene_lock(void)
{
    rove_task *ts[N];
    mutex = (rove_mutex){0};
    start(hold_mutex, ts);
    join(N, ts);
}

/* async with s: log(n + "+"); await sleep(0); log(n + "-") */
static int hold_semaphore(void *name, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(rove_semaphore_acquire(&semaphore), 0);
    rv_note(name, "+");
    int rc = rove_yield();
    rv_note(name, "-");
    RV_EXPECT_EQ(rove_semaphore_release(&semaphore), 0);
    return rc;
}

/* s = Semaphore(2); four of them */
static void scene_semaphore(void)
{
    rove_task *ts[N + 1];
    rove_semaphore_init(&semaphore, 2, 0);
    ts[0] = rove_create_task(hold_semaphore, "v");
    start(hold_semaphore, ts + 1);
    join(N + 1, ts);
}

/* async with c: await c.wait(); log(n) */
static int wait_for_cond(void *name, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(rove_mutex_lock(&mutex), 0);
    int rc = rove_cond_wait(&cond, &mutex);
    rv_note(name, "");
    rove_mutex_unlock(&mutex);
    return rc;
}

/* three of them; await sleep(0); async with c: c.notify_all(); log("S") */
static void scene_condition(void)
{
    rove_task *ts[N];
    mutex = (rove_mutex){0};
    cond = (rove_cond){0};
    start(wait_for_cond, ts);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_mutex_lock(&mutex), 0);
    rove_cond_notify_all(&cond);
    rv_note("S", "");
    rove_mutex_unlock(&mutex);
    join(N, ts);
}

/* log(n + "+"); await b.wait(); log(n + "-") */
static int meet(void *name, RV_UNUSED void **result)
{
    rv_note(name, "+");
    int rc = rove_barrier_wait(&barrier);
    rv_note(name, "-");
    return rc < 0 ? rc : 0;
}

static void scene_barrier(void)
{
    rove_task *ts[N];
    rove_barrier_init(&barrier, N);
    start(meet, ts);
    join(N, ts);
}

/* for i in "xyz": await q.put(i); log("p" + i) */
static int put_all(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (size_t i = 0; i < N; i++) {
        RV_REQUIRE_EQ(rove_queue_put(queue, names[i]), 0);
        rv_note("p", names[i]);
    }
    return 0;
}

/* for i in "xyz": log("g" + await q.get()) */
static int get_all(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (size_t i = 0; i < N; i++) {
        void *name = NULL;
        RV_REQUIRE_EQ(rove_queue_get(queue, &name), 0);
        rv_note("g", name);
    }
    return 0;
}

/* q = Queue(1); both */
static void scene_queue(void)
{
    queue = rove_queue_create(1);
    rove_task *ts[] = {rove_create_task(put_all, NULL), rove_create_task(get_all, NULL)};
    join(2, ts);
    rove_queue_destroy(queue);
}

static const struct rv_scene scenes[] = {
    {"event", scene_event, "0 S 1 x y z 2 M"},
    {"lock", scene_lock, "0 x+ 1 x- 2 y+ 3 y- 4 z+ 5 z- 6 M"},
    {"semaphore", scene_semaphore, "0 v+ x+ 1 v- x- 2 y+ z+ 3 y- z- 4 M"},
    {"condition", scene_condition, "0 S 1 x y z 2 M"},
    {"barrier", scene_barrier, "0 x+ y+ z+ z- 1 x- y- 2 M"},
    /* CPython: "0 px gx 1 py 2 gy 3 pz 4 gz M": it wakes the putter, which then puts; here a get
     * takes the waiting item in at once. */
    {"queue", scene_queue, "0 px gx gy 1 py pz 2 gz M"},
};

static void test_order_of_locks_and_queues_is_that_of_asyncio(void **state)
{
    (void)state;
    rv_rounds_play(scenes, RV_ARRAY_LEN(scenes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_locks_and_queues_is_that_of_asyncio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

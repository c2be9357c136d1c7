// SPDX-License-Identifier: MIT
/*
 * Purpose: on one worker everything happens in the order in which it does in asyncio, round for
 *          round of the ready queue.
 * Idea:    scenes, see rounds.h. Beside each stands the Python program, `child` being
 *              async def child(name, yields, exc=None):
 *                  log(name + "+"); [await sleep(0) for _ in range(yields)]   # "!": cancelled
 *                  log(name + "-"); if exc: raise exc
 *          and what CPython prints for it, which must be what is printed here.
 */
#include "support/rounds.h"

#define BAD (-5001)

struct child {
    const char *name;
    int yields, rc;
};

static int run_child(void *arg, RV_UNUSED void **result)
{
    const struct child *c = arg;
    rv_note(c->name, "+");
    for (int i = 0; i < c->yields; i++) {
        if (rove_yield() == -ECANCELED) {
            rv_note(c->name, "!");
            return -ECANCELED;
        }
    }
    rv_note(c->name, "-");
    return c->rc;
}

#define CHILD(name, ...) rove_create_task(run_child, &(struct child){name, __VA_ARGS__})

/* Two children, and a task that waits for both in some way. */
struct pair {
    rove_task *fs[2];
    int (*wait)(struct pair *p);
};

static void pair_release(struct pair *p)
{
    rove_release(p->fs[0]);
    rove_release(p->fs[1]);
}

static int gather_pair(struct pair *p)
{
    return rove_gather(2, p->fs, NULL);
}

static int gather_outcomes_pair(struct pair *p)
{
    rove_outcome outcomes[2];
    return rove_gather_outcomes(2, p->fs, outcomes);
}

static int await_gather_future(struct pair *p)
{
    rove_future *g = rove_gather_future(2, p->fs);
    return rove_join(g, NULL);
}

/* t = create_task(child("a", 2)); await t */
static void scene_await(void)
{
    RV_EXPECT_EQ(rove_join(CHILD("a", 2, 0), NULL), 0);
}

/* await gather(a, b) */
static void scene_gather(void)
{
    struct pair p = {{CHILD("a", 1, 0), CHILD("b", 2, 0)}, NULL};
    RV_EXPECT_EQ(gather_pair(&p), 0);
    pair_release(&p);
}

/* try: await gather(a, b) except ValueError: log("E"); await b */
static void scene_gather_error(void)
{
    struct pair p = {{CHILD("a", 1, BAD), CHILD("b", 3, 0)}, NULL};
    RV_EXPECT_EQ(gather_pair(&p), BAD);
    rv_note("E", "");
    RV_EXPECT_EQ(rove_await(p.fs[1], NULL), 0);
    pair_release(&p);
}

/* await gather(a, b, return_exceptions=True) */
static void scene_gather_outcomes(void)
{
    struct pair p = {{CHILD("a", 1, BAD), CHILD("b", 2, 0)}, NULL};
    RV_EXPECT_EQ(gather_outcomes_pair(&p), 0);
    pair_release(&p);
}

/* await gather(gather(a, b), c) */
static void scene_gather_nested(void)
{
    struct pair p = {{CHILD("a", 1, 0), CHILD("b", 2, 0)}, NULL};
    rove_future *g = rove_gather_future(2, p.fs);
    rove_future *both[2] = {g, CHILD("c", 1, 0)};
    RV_EXPECT_EQ(rove_gather(2, both, NULL), 0);
    rove_release(g);
    rove_release(both[1]);
    pair_release(&p);
}

/* await wait([a, b]) */
static void scene_wait_all(void)
{
    struct pair p = {{CHILD("a", 1, 0), CHILD("b", 2, 0)}, NULL};
    RV_EXPECT_EQ(rove_wait(2, p.fs, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), 2);
    pair_release(&p);
}

/* await wait([a, b], return_when=FIRST_COMPLETED); log("W"); await b */
static void scene_wait_first(void)
{
    struct pair p = {{CHILD("a", 1, 0), CHILD("b", 3, 0)}, NULL};
    RV_EXPECT_EQ(rove_wait(2, p.fs, ROVE_FIRST_COMPLETED, ROVE_FOREVER, NULL), 1);
    rv_note("W", "");
    RV_EXPECT_EQ(rove_await(p.fs[1], NULL), 0);
    pair_release(&p);
}

/* await a; await wait([a]) */
static void scene_wait_done(void)
{
    rove_task *a = CHILD("a", 0, 0);
    RV_EXPECT_EQ(rove_await(a, NULL), 0);
    RV_EXPECT_EQ(rove_wait(1, &a, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), 1);
    rove_release(a);
}

/* async for f in as_completed([a, b]): log("N") */
static void scene_as_completed(void)
{
    struct pair p = {{CHILD("a", 4, 0), CHILD("b", 1, 0)}, NULL};
    rove_as_completed *it = rove_as_completed_open(2, p.fs, ROVE_FOREVER);
    rove_future *f;
    while (rove_as_completed_next(it, &f) == 1)
        rv_note("N", "");
    rove_as_completed_close(it);
    pair_release(&p);
}

/* async with TaskGroup() as g: g.create_task(a); g.create_task(b) */
static int group(int yields_of_a, int rc_of_a, int yields_of_b, bool waits)
{
    struct child a = {"a", yields_of_a, rc_of_a};
    struct child b = {"b", yields_of_b, 0};
    rove_task_group g;
    int rc = 0;
    rove_task_group_enter(&g);
    rove_task_group_create_task(&g, run_child, &a);
    rove_task_group_create_task(&g, run_child, &b);
    if (waits && (rc = rove_sleep(ROVE_FOREVER)) < 0)
        rv_note("B", "!");
    return rove_task_group_exit(&g, rc);
}

static void scene_group(void)
{
    RV_EXPECT_EQ(group(1, 0, 2, false), 0);
}

/* a fails, b yields 5 times: except* ValueError: log("E") */
static void scene_group_child_fails(void)
{
    RV_EXPECT_EQ(group(1, BAD, 5, false), BAD);
    rv_note("E", "");
}

/* the same; in the block: try: await sleep(100) except CancelledError: log("B!"); raise */
static void scene_group_child_fails_in_the_block(void)
{
    RV_EXPECT_EQ(group(1, BAD, 5, true), BAD);
    rv_note("E", "");
}

/* await shield(a) */
static void scene_shield(void)
{
    rove_task *a = CHILD("a", 2, 0);
    RV_EXPECT_EQ(rove_join(rove_shield(a), NULL), 0);
    rove_release(a);
}

/* await wait_for(a, 100), as it is since Python 3.12: `async with timeout(100): await a` */
static void scene_wait_for(void)
{
    rove_task *a = CHILD("a", 2, 0);
    RV_EXPECT_EQ(rove_wait_for(a, ROVE_SEC(100), NULL), 0);
    rove_release(a);
}

/* f = create_future(); try: await wait_for(f, 0) except TimeoutError: log("T") */
static void scene_wait_for_no_time_of_a_future(void)
{
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_wait_for(f, 0, NULL), -ETIMEDOUT);
    rv_note("T", "");
    rove_release(f);
}

/* try: await wait_for(a, 0) except TimeoutError: log("T") */
static void scene_wait_for_no_time(void)
{
    rove_task *a = CHILD("a", 5, 0);
    RV_EXPECT_EQ(rove_wait_for(a, 0, NULL), -ETIMEDOUT);
    rv_note("T", "");
    rove_release(a);
}

/* await sleep(0); await sleep(0); and the same */
static void scene_wait_for_no_time_of_one_that_runs(void)
{
    rove_task *a = CHILD("a", 5, 0);
    RV_EXPECT(rove_yield() == 0 && rove_yield() == 0);
    RV_EXPECT_EQ(rove_wait_for(a, 0, NULL), -ETIMEDOUT);
    rv_note("T", "");
    rove_release(a);
}

/* try: await wait_for(child("a", 5), 0) except TimeoutError: log("T") */
static void scene_wait_for_call_no_time(void)
{
    RV_EXPECT_EQ(rove_wait_for_call(run_child, &(struct child){"a", 5, 0}, 0, NULL), -ETIMEDOUT);
    rv_note("T", "");
}

static int wait_noting_cancel(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    int rc = p->wait(p);
    if (rc == -ECANCELED)
        rv_note("w", "!");
    return rc;
}

/*
 * async def w(): try: await ... except CancelledError: log("w!"); raise
 * t = create_task(w()); await sleep(0); await sleep(0); t.cancel(); log("C")
 * try: await t except CancelledError: log("E")
 */
static void cancel_waiter(struct pair *p, int (*wait)(struct pair *))
{
    p->wait = wait;
    rove_task *t = rove_create_task(wait_noting_cancel, p);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT(rove_cancel(t));
    rv_note("C", "");
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    rv_note("E", "");
}

static int await_first(struct pair *p)
{
    return rove_await(p->fs[0], NULL);
}

static int await_shield(struct pair *p)
{
    return rove_join(rove_shield(p->fs[0]), NULL);
}

static int wait_first(struct pair *p)
{
    return (int)rove_wait(1, p->fs, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL);
}

static int wait_group(RV_UNUSED struct pair *p)
{
    return group(5, 0, 5, false);
}

static void scene_await_cancelled(void)
{
    struct pair p = {{CHILD("a", 5, 0), NULL}, NULL};
    cancel_waiter(&p, await_first);
    pair_release(&p);
}

static void scene_shield_cancelled(void)
{
    struct pair p = {{CHILD("a", 4, 0), NULL}, NULL};
    cancel_waiter(&p, await_shield);
    RV_EXPECT_EQ(rove_await(p.fs[0], NULL), 0);
    pair_release(&p);
}

static void scene_wait_cancelled(void)
{
    struct pair p = {{CHILD("a", 5, 0), NULL}, NULL};
    cancel_waiter(&p, wait_first);
    RV_EXPECT_EQ(rove_await(p.fs[0], NULL), 0);
    pair_release(&p);
}

static void scene_gather_cancelled(void)
{
    struct pair p = {{CHILD("a", 5, 0), CHILD("b", 5, 0)}, NULL};
    cancel_waiter(&p, gather_pair);
    pair_release(&p);
}

static void scene_gather_outcomes_cancelled(void)
{
    struct pair p = {{CHILD("a", 5, 0), CHILD("b", 5, 0)}, NULL};
    cancel_waiter(&p, gather_outcomes_pair);
    pair_release(&p);
}

static void scene_gather_future_cancelled(void)
{
    struct pair p = {{CHILD("a", 5, 0), CHILD("b", 5, 0)}, NULL};
    cancel_waiter(&p, await_gather_future);
    pair_release(&p);
}

static void scene_group_cancelled(void)
{
    struct pair p = {{NULL, NULL}, NULL};
    cancel_waiter(&p, wait_group);
}

static void note_callback(RV_UNUSED rove_future *f, void *ctx)
{
    rv_note(ctx, "");
}

/* a.add_done_callback(k); a.add_done_callback(l); await a */
static void scene_callbacks(void)
{
    rove_task *a = CHILD("a", 1, 0);
    RV_EXPECT_EQ(rove_add_done_callback(a, note_callback, "k"), 0);
    RV_EXPECT_EQ(rove_add_done_callback(a, note_callback, "l"), 0);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
}

/* await a; a.add_done_callback(k); log("L"); await sleep(0) */
static void scene_callback_late(void)
{
    rove_task *a = CHILD("a", 0, 0);
    RV_EXPECT_EQ(rove_await(a, NULL), 0);
    RV_EXPECT_EQ(rove_add_done_callback(a, note_callback, "k"), 0);
    rv_note("L", "");
    RV_EXPECT_EQ(rove_yield(), 0);
    rove_release(a);
}

static void note_soon(void *ctx)
{
    rv_note(ctx, "");
}

/* call_soon(k); a = create_task(...); call_soon(l); await a */
static void scene_call_soon(void)
{
    rove_handle_release(rove_call_soon(note_soon, "k"));
    rove_task *a = CHILD("a", 1, 0);
    rove_handle_release(rove_call_soon(note_soon, "l"));
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
}

struct name {
    const char *name;
    rove_future *f;
};

static int await_and_note(void *arg, RV_UNUSED void **result)
{
    const struct name *n = arg;
    int rc = rove_await(n->f, NULL);
    rv_note(n->name, "");
    return rc;
}

/* three tasks await f, which has a callback; await sleep(0); f.set_result(1); log("S") */
static void scene_future(void)
{
    rove_future *f = rove_create_future();
    struct name names[] = {{"x", f}, {"y", f}, {"z", f}};
    rove_task *ts[3];
    for (size_t i = 0; i < 3; i++)
        ts[i] = rove_create_task(await_and_note, &names[i]);
    RV_EXPECT_EQ(rove_add_done_callback(f, note_callback, "k"), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    rv_note("S", "");
    for (size_t i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_join(ts[i], NULL), 0);
    rove_release(f);
}

static const struct rv_scene scenes[] = {
    {"await", scene_await, "0 a+ 1 2 a- 3 M"},
    {"gather", scene_gather, "0 a+ b+ 1 a- 2 b- 3 4 M"},
    {"gather_error", scene_gather_error, "0 a+ b+ 1 a- 2 3 E b- 4 M"},
    {"gather_outcomes", scene_gather_outcomes, "0 a+ b+ 1 a- 2 b- 3 4 M"},
    {"gather_nested", scene_gather_nested, "0 a+ b+ c+ 1 a- c- 2 b- 3 4 5 M"},
    {"wait_all", scene_wait_all, "0 a+ b+ 1 a- 2 b- 3 4 M"},
    {"wait_first", scene_wait_first, "0 a+ b+ 1 a- 2 3 W b- 4 M"},
    {"wait_done", scene_wait_done, "0 a+ a- 1 2 3 M"},
    {"as_completed", scene_as_completed, "0 a+ b+ 1 b- 2 3 N 4 a- 5 6 N M"},
    {"group", scene_group, "0 a+ b+ 1 a- 2 b- 3 4 M"},
    {"group_child_fails", scene_group_child_fails, "0 a+ b+ 1 a- 2 b! 3 4 E M"},
    {"group_child_fails_in_the_block", scene_group_child_fails_in_the_block,
     "0 a+ b+ 1 a- 2 b! 3 B! E M"}, /* CPython: "3 B! 4 E": it learns of b by a callback */
    {"shield", scene_shield, "0 a+ 1 2 a- 3 4 M"},
    {"wait_for", scene_wait_for, "0 a+ 1 2 a- 3 M"},
    {"wait_for_no_time_of_a_future", scene_wait_for_no_time_of_a_future, "0 1 T M"},
    {"wait_for_no_time", scene_wait_for_no_time, "0 1 2 T M"},
    {"wait_for_no_time_of_one_that_runs", scene_wait_for_no_time_of_one_that_runs,
     "0 a+ 1 2 a! 3 4 T M"},
    {"wait_for_call_no_time", scene_wait_for_call_no_time, "0 1 2 T M"},
    {"await_cancelled", scene_await_cancelled, "0 a+ 1 C 2 a! 3 w! 4 E M"},
    {"shield_cancelled", scene_shield_cancelled, "0 a+ 1 C 2 w! 3 E 4 a- 5 M"},
    {"wait_cancelled", scene_wait_cancelled, "0 a+ 1 C 2 w! 3 E 4 5 a- 6 M"},
    {"gather_cancelled", scene_gather_cancelled, "0 a+ b+ 1 C 2 a! b! 3 4 w! 5 E M"},
    {"gather_outcomes_cancelled", scene_gather_outcomes_cancelled,
     "0 a+ b+ 1 C 2 a! b! 3 4 w! 5 E M"},
    {"gather_future_cancelled", scene_gather_future_cancelled,
     "0 a+ b+ 1 C 2 a! b! 3 4 w! 5 E M"},
    {"group_cancelled", scene_group_cancelled, "0 1 a+ b+ C 2 3 a! b! 4 5 w! 6 E M"},
    {"callbacks", scene_callbacks, "0 a+ 1 a- 2 k l M"},
    {"callback_late", scene_callback_late, "0 a+ a- 1 L 2 k M"},
    {"call_soon", scene_call_soon, "0 k a+ l 1 a- 2 M"},
    {"future", scene_future, "0 S 1 k x y z 2 M"},
};

static void test_order_is_that_of_asyncio(void **state)
{
    (void)state;
    rv_rounds_play(scenes, RV_ARRAY_LEN(scenes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_that_of_asyncio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

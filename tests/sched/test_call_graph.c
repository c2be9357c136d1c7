// SPDX-License-Identifier: MIT
/*
 * Purpose: who awaits whom, printed as a tree.
 * Idea:    each test builds a shape, looks again until every task of it waits, cuts the times out,
 *          which differ, and compares the whole text.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/atomic.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Cuts the ages out: " for 0.012 s" goes. */
static void cut_ages(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        int n = 0;
        if (sscanf(from, " for %*u.%*3u s%n", &n) == 0 && n > 0)
            from += n;
        else
            *to++ = *from++;
    }
    *to = '\0';
}

/* The graph without ages; to be freed. */
static char *print_graph(rove_runtime *runtime)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    RV_EXPECT_EQ(rove_print_call_graph(runtime, out), 0);
    fclose(out);
    cut_ages(text);
    return text;
}

/* Looks until the graph is `expected`; the last look is shown when that takes too long. */
static int await_graph(const char *expected)
{
    for (unsigned turn = 0;; turn++) {
        char *text = print_graph(rove_current_runtime());
        bool is_so = strcmp(text, expected) == 0;
        if (!is_so && turn == 20000) /* a failure: more than enough turns to reach any state */
            RV_EXPECT_STR(text, expected);
        free(text);
        if (is_so || turn == 20000)
            return is_so ? 0 : RV_TEST_FAILED;
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
}

static int awaits(void *arg, RV_UNUSED void **result)
{
    return rove_await(arg, NULL);
}

static rove_task *start(const char *name, rove_coro *fn, void *arg)
{
    return rove_create_task_with(&(rove_task_options){.name = name}, fn, arg);
}

RV_TASK_TEST(test_call_graph_chain_is_a_branch)
{
    rove_set_name(rove_current_task(), "main");
    rove_future *f = rove_create_future();
    rove_task *c = start("carol", awaits, f);
    rove_task *b = start("bob", awaits, c);
    rove_task *a = start("alice", awaits, b);
    int rc = await_graph("4 tasks, awaited ones below who awaits them\n"
                         "main is running\n"
                         "alice has waited for a future\n"
                         "`-- bob has waited for a future\n"
                         "    `-- carol has waited for a future\n");
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    RV_EXPECT_EQ(rove_join(c, NULL), 0);
    rove_release(f);
    return rc;
}

struct family {
    rove_future *f;
    rove_task *children[2];
};

static int gathers(void *arg, RV_UNUSED void **result)
{
    struct family *family = arg;
    return rove_gather(2, family->children, NULL);
}

static int waits_for_all(void *arg, RV_UNUSED void **result)
{
    struct family *family = arg;
    ssize_t n = rove_wait(2, family->children, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL);
    return n == 2 ? 0 : RV_TEST_FAILED;
}

static int takes_as_completed(void *arg, RV_UNUSED void **result)
{
    struct family *family = arg;
    rove_future *f;
    rove_as_completed *it = rove_as_completed_open(2, family->children, ROVE_FOREVER);
    int rc = rove_as_completed_next(it, &f);
    rc = rc == 1 ? rove_as_completed_next(it, &f) : rc;
    rove_as_completed_close(it);
    return rc == 1 ? 0 : RV_TEST_FAILED;
}

static int selects(void *arg, RV_UNUSED void **result)
{
    struct family *family = arg;
    rove_select_case cases[2] = {{.op = ROVE_AWAIT, .future = family->children[0]},
                                 {.op = ROVE_AWAIT, .future = family->children[1]}};
    return rove_select(2, cases, ROVE_FOREVER) >= 0 ? 0 : RV_TEST_FAILED;
}

/* Through a gather in a gather, and a shield. */
static int awaits_nested(void *arg, RV_UNUSED void **result)
{
    struct family *family = arg;
    rove_future *inner = rove_gather_future(1, &family->children[0]);
    rove_future *shield = rove_shield(family->children[1]);
    rove_future *outer = rove_gather_future(2, (rove_future *[]){inner, shield});
    int rc = rove_await(outer, NULL);
    rove_release(outer);
    rove_release(shield);
    rove_release(inner);
    return rc;
}

static int expect_family(rove_coro *parent, const char *waits)
{
    char expected[512];
    struct family family = {.f = rove_create_future()};
    rove_set_name(rove_current_task(), "main");
    family.children[0] = start("left", awaits, family.f);
    family.children[1] = start("right", awaits, family.f);
    rove_task *p = start("parent", parent, &family);
    snprintf(expected, sizeof expected,
             "4 tasks, awaited ones below who awaits them\n"
             "main is running\n"
             "parent has waited for %s\n"
             "|-- left has waited for a future\n"
             "`-- right has waited for a future\n",
             waits);
    int rc = await_graph(expected);
    rove_set_result(family.f, NULL);
    RV_EXPECT_EQ(rove_join(p, NULL), 0);
    RV_EXPECT_EQ(rove_join(family.children[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(family.children[1], NULL), 0);
    rove_release(family.f);
    return rc;
}

RV_TASK_TEST(test_call_graph_gather_awaits_its_children)
{
    return expect_family(gathers, "several");
}

RV_TASK_TEST(test_call_graph_wait_awaits_its_members)
{
    return expect_family(waits_for_all, "several");
}

RV_TASK_TEST(test_call_graph_as_completed_awaits_its_members)
{
    return expect_family(takes_as_completed, "several");
}

RV_TASK_TEST(test_call_graph_select_awaits_its_futures)
{
    return expect_family(selects, "a select");
}

RV_TASK_TEST(test_call_graph_goes_through_gathers_and_shields)
{
    return expect_family(awaits_nested, "a future");
}

static int runs_group(void *arg, RV_UNUSED void **result)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_set_name(rove_task_group_create_task(&g, awaits, arg), "left");
    rove_set_name(rove_task_group_create_task(&g, awaits, arg), "right");
    return rove_task_group_exit(&g, 0);
}

RV_TASK_TEST(test_call_graph_group_awaits_its_children)
{
    rove_set_name(rove_current_task(), "main");
    rove_future *f = rove_create_future();
    rove_task *p = start("parent", runs_group, f);
    int rc = await_graph("4 tasks, awaited ones below who awaits them\n"
                         "main is running\n"
                         "parent has waited for several\n"
                         "|-- left has waited for a future\n"
                         "`-- right has waited for a future\n");
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(p, NULL), 0);
    rove_release(f);
    return rc;
}

RV_TASK_TEST(test_call_graph_task_with_two_awaiters_is_drawn_once)
{
    rove_set_name(rove_current_task(), "main");
    rove_future *f = rove_create_future();
    rove_task *c = start("carol", awaits, f);
    rove_task *a = start("alice", awaits, c);
    rove_task *b = start("bob", awaits, c);
    int rc = await_graph("4 tasks, awaited ones below who awaits them\n"
                         "main is running\n"
                         "alice has waited for a future\n"
                         "`-- carol has waited for a future\n"
                         "bob has waited for a future\n"
                         "`-- carol has waited for a future (see above)\n");
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    RV_EXPECT_EQ(rove_join(c, NULL), 0);
    rove_release(f);
    return rc;
}

struct circle {
    rove_event is_closed;
    rove_task *members[3];
};

static int awaits_next(void *arg, RV_UNUSED void **result)
{
    rove_task **member = arg;
    return rove_await(*member, NULL);
}

static int opens_circle(void *arg, RV_UNUSED void **result)
{
    struct circle *c = arg;
    RV_REQUIRE_EQ(rove_event_wait(&c->is_closed), 0);
    return rove_await(c->members[1], NULL);
}

/* a -> b -> c -> a, and a tail d behind the circle, made first: it is not taken for its entry. */
RV_TASK_TEST(test_call_graph_circle_is_marked)
{
    struct circle c = {0};
    rove_set_name(rove_current_task(), "main");
    c.members[0] = start("alice", opens_circle, &c);
    c.members[2] = start("carol", awaits_next, &c.members[0]);
    c.members[1] = start("bob", awaits_next, &c.members[2]);
    rove_event_set(&c.is_closed);
    int rc = await_graph("4 tasks, awaited ones below who awaits them\n"
                         "main is running\n"
                         "alice has waited for a future\n"
                         "`-- bob has waited for a future\n"
                         "    `-- carol has waited for a future\n"
                         "        `-- alice has waited for a future (a circle: see above)\n");
    RV_EXPECT(rove_cancel(c.members[1]));
    for (size_t i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_await(c.members[i], NULL), -ECANCELED);
    for (size_t i = 0; i < 3; i++)
        rove_release(c.members[i]);
    return rc;
}

struct tail {
    rove_event is_closed;
    rove_task *first, *tail;
};

static int awaits_itself_and_tail(void *arg, RV_UNUSED void **result)
{
    struct tail *t = arg;
    RV_REQUIRE_EQ(rove_event_wait(&t->is_closed), 0);
    rove_task *both[] = {t->first, t->tail};
    return rove_gather(2, both, NULL);
}

/* tail is older than both of the circle; the circle is entered at one of its own all the same. */
RV_TASK_TEST(test_call_graph_circle_is_entered_on_it)
{
    struct tail t = {0};
    rove_future *f = rove_create_future();
    rove_set_name(rove_current_task(), "main");
    t.tail = start("tail", awaits, f);
    rove_task *b = start("bob", awaits_itself_and_tail, &t);
    t.first = start("alice", awaits_next, &b);
    rove_event_set(&t.is_closed);
    int rc = await_graph("4 tasks, awaited ones below who awaits them\n"
                         "main is running\n"
                         "bob has waited for several\n"
                         "|-- tail has waited for a future\n"
                         "`-- alice has waited for a future\n"
                         "    `-- bob has waited for several (a circle: see above)\n");
    RV_EXPECT(rove_cancel(b));
    RV_EXPECT_EQ(rove_await(b, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(t.first, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(t.tail, NULL), -ECANCELED);
    rove_release(b);
    rove_release(f);
    return rc;
}

static int locks(void *arg, RV_UNUSED void **result)
{
    rove_mutex *m = arg;
    int rc = rove_mutex_lock(m);
    if (rc == 0)
        rove_mutex_unlock(m);
    return rc;
}

RV_TASK_TEST(test_call_graph_mutex_awaits_its_holder)
{
    rove_mutex m = {0};
    rove_set_name(rove_current_task(), "main");
    RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
    rove_task *a = start("alice", locks, &m);
    int rc = await_graph("2 tasks, awaited ones below who awaits them\n"
                         "alice has waited for a mutex, held\n"
                         "`-- main is running\n");
    rove_mutex_unlock(&m);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    return rc;
}

static int ready_task_is_shown(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_set_name(rove_current_task(), "main");
    rove_future *f = rove_create_future();
    rove_task *a = start("alice", awaits, f);
    char *text = print_graph(rove_current_runtime());
    RV_EXPECT_STR(text, "2 tasks, awaited ones below who awaits them\n"
                        "main is running\nalice is ready to run\n");
    free(text);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    rove_release(f);
    return 0;
}

static void test_call_graph_ready_task_is_shown(RV_UNUSED void **state)
{
    rv_test_run_on(1, ready_task_is_shown, NULL);
}

#define CHAIN 3000

/* Deeper than any recursion on a task's stack could go. */
static int long_chain(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task **chain = calloc(CHAIN, sizeof(rove_task *));
    rove_future *f = rove_create_future();
    RV_REQUIRE(chain != NULL);
    for (size_t i = 0; i < CHAIN; i++)
        chain[i] = start("link", awaits, i == 0 ? f : chain[i - 1]);
    for (size_t i = 0; i < 3; i++)
        RV_REQUIRE_EQ(rove_yield(), 0);
    char *text = print_graph(rove_current_runtime());
    RV_EXPECT(strstr(text, "\n(level 2999) ") != NULL);
    RV_EXPECT(strstr(text, "\n(level 3000) ") == NULL);
    free(text);
    rove_set_result(f, NULL);
    for (size_t i = CHAIN; i-- > 0;) /* who awaits a link ends before its handle goes */
        RV_EXPECT_EQ(rove_join(chain[i], NULL), 0);
    free(chain);
    rove_release(f);
    return 0;
}

static void test_call_graph_long_chain_needs_no_stack(RV_UNUSED void **state)
{
    rv_test_run_on(1, long_chain, NULL);
}

static void *print_from_outside(void *runtime)
{
    return print_graph(runtime);
}

RV_TASK_TEST(test_call_graph_is_printed_from_a_plain_thread)
{
    pthread_t thread;
    void *text;
    rove_set_name(rove_current_task(), "main");
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, print_from_outside, rove_current_runtime()), 0);
    pthread_join(thread, &text);
    RV_EXPECT_STR(text, "1 tasks, awaited ones below who awaits them\nmain is running\n");
    free(text);
    return 0;
}

RV_TASK_TEST(test_call_graph_bad_arguments_are_refused)
{
    RV_EXPECT_EQ(rove_print_call_graph(NULL, stderr), -EINVAL);
    RV_EXPECT_EQ(rove_print_call_graph(rove_current_runtime(), NULL), -EINVAL);
    FILE *full = fopen("/dev/full", "w");
    RV_REQUIRE(full != NULL);
    setvbuf(full, NULL, _IONBF, 0);
    RV_EXPECT_EQ(rove_print_call_graph(rove_current_runtime(), full), -EIO);
    fclose(full);
    return 0;
}

struct churn {
    RV_ATOMIC(uint32_t) is_over;
};

static int ends(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_yield();
}

/* Every way of waiting, over and over. */
static int churns(void *arg, RV_UNUSED void **result)
{
    struct churn *churn = arg;
    while (rv_load_relaxed(&churn->is_over) == 0) {
        struct family family = {.children = {rove_create_task(ends, NULL),
                                             rove_create_task(ends, NULL)}};
        static rove_coro *const ways[] = {gathers, waits_for_all, takes_as_completed,
                                          awaits_nested, selects};
        for (size_t i = 0; i < RV_ARRAY_LEN(ways); i++)
            RV_EXPECT_EQ(ways[i](&family, NULL), 0);
        RV_EXPECT_EQ(rove_join(family.children[0], NULL), 0);
        RV_EXPECT_EQ(rove_join(family.children[1], NULL), 0);
    }
    return 0;
}

RV_TASK_TEST(test_call_graph_of_tasks_that_come_and_go_is_safe)
{
    struct churn churn = {0};
    rove_task *churners[4];
    const unsigned rounds = 200 * rv_crowd_factor();
    for (size_t i = 0; i < RV_ARRAY_LEN(churners); i++)
        churners[i] = rove_create_task(churns, &churn);
    for (unsigned i = 0; i < rounds; i++) {
        free(print_graph(rove_current_runtime()));
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rv_store_relaxed(&churn.is_over, 1u);
    for (size_t i = 0; i < RV_ARRAY_LEN(churners); i++)
        RV_EXPECT_EQ(rove_join(churners[i], NULL), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_graph_chain_is_a_branch),
        cmocka_unit_test(test_call_graph_gather_awaits_its_children),
        cmocka_unit_test(test_call_graph_wait_awaits_its_members),
        cmocka_unit_test(test_call_graph_as_completed_awaits_its_members),
        cmocka_unit_test(test_call_graph_select_awaits_its_futures),
        cmocka_unit_test(test_call_graph_goes_through_gathers_and_shields),
        cmocka_unit_test(test_call_graph_group_awaits_its_children),
        cmocka_unit_test(test_call_graph_task_with_two_awaiters_is_drawn_once),
        cmocka_unit_test(test_call_graph_circle_is_marked),
        cmocka_unit_test(test_call_graph_circle_is_entered_on_it),
        cmocka_unit_test(test_call_graph_mutex_awaits_its_holder),
        cmocka_unit_test(test_call_graph_ready_task_is_shown),
        cmocka_unit_test(test_call_graph_long_chain_needs_no_stack),
        cmocka_unit_test(test_call_graph_is_printed_from_a_plain_thread),
        cmocka_unit_test(test_call_graph_bad_arguments_are_refused),
        cmocka_unit_test(test_call_graph_of_tasks_that_come_and_go_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

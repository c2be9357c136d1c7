// SPDX-License-Identifier: MIT
/*
 * Purpose: select: one case goes through, fairly; the losers keep no trace.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/chan.h"
#include "sched/current.h"

#include <stdlib.h>

static rove_select_case receiving(rove_chan *c, void *element)
{
    return (rove_select_case){.op = ROVE_RECV, .chan = c, .element = element, .error = 1};
}

static rove_select_case sending(rove_chan *c, void *element)
{
    return (rove_select_case){.op = ROVE_SEND, .chan = c, .element = element, .error = 1};
}

static rove_select_case awaiting(rove_future *f, void *result)
{
    return (rove_select_case){.op = ROVE_AWAIT, .future = f, .element = result, .error = 1};
}

static bool has_waiters(rove_chan *c)
{
    return !rv_waitq_is_empty(&c->waiters[RV_CHAN_SEND]) ||
           !rv_waitq_is_empty(&c->waiters[RV_CHAN_RECV]);
}

/* Goal: with timeout 0 nothing waits; a NULL channel or future is never ready. */
RV_TASK_TEST(test_select_without_waiting_takes_what_is_ready)
{
    rove_chan *full = rove_chan_create(sizeof(int), 1);
    rove_chan *empty = rove_chan_create(sizeof(int), 1);
    int in = 5;
    int out = -1;
    rove_select_case none[] = {receiving(empty, &out), receiving(NULL, NULL), awaiting(NULL, NULL)};
    RV_EXPECT_EQ(rove_select(3, none, 0), -EAGAIN);
    RV_EXPECT_EQ(rove_select(0, NULL, 0), -EAGAIN);
    RV_EXPECT_EQ(rove_chan_send(full, &in), 0);
    rove_select_case cases[] = {sending(full, &in), receiving(empty, &out), receiving(full, &out)};
    RV_EXPECT_EQ(rove_select(3, cases, 0), 2);
    RV_EXPECT_EQ(cases[2].error, 0);
    RV_EXPECT_EQ(cases[0].error, 1);
    RV_EXPECT_EQ(out, 5);
    rove_chan_close(empty);
    rove_select_case closed[] = {receiving(empty, &out)};
    RV_EXPECT_EQ(rove_select(1, closed, ROVE_FOREVER), 0);
    RV_EXPECT_EQ(closed[0].error, -EPIPE);
    rove_chan_release(full);
    rove_chan_release(empty);
    return 0;
}

/* Goal: bad cases are refused before anything happens. */
RV_TASK_TEST(test_select_arguments_are_checked)
{
    rove_chan *c = rove_chan_create(sizeof(int), 1);
    rove_select_case no_element[] = {receiving(c, NULL)};
    rove_select_case no_op[] = {{.op = (rove_select_op)9, .chan = c, .element = c}};
    rove_select_case itself[] = {awaiting(&rv_current_task()->future, NULL)};
    RV_EXPECT_EQ(rove_select(1, no_element, 0), -EINVAL);
    RV_EXPECT_EQ(rove_select(1, no_op, 0), -EINVAL);
    RV_EXPECT_EQ(rove_select(1, NULL, 0), -EINVAL);
    RV_EXPECT_EQ(rove_select(1, itself, 0), -EDEADLK);
    rove_chan_release(c);
    return 0;
}

/* Goal: a deadline ends the wait and leaves no cell behind; without cases it is a sleep. */
RV_TASK_TEST(test_select_deadline_leaves_no_trace)
{
    rove_chan *a = rove_chan_create(sizeof(int), 0);
    rove_chan *b = rove_chan_create(sizeof(int), 0);
    rove_future *f = rove_create_future();
    int element = 0;
    rove_select_case cases[] = {receiving(a, &element), sending(b, &element), awaiting(f, NULL),
                                receiving(a, &element)};
    RV_EXPECT_EQ(rove_select(4, cases, ROVE_US(200)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_select(0, NULL, ROVE_US(200)), -ETIMEDOUT);
    RV_EXPECT(!has_waiters(a) && !has_waiters(b));
    RV_EXPECT(rv_waitq_is_empty(&f->waiters));
    RV_EXPECT_EQ(rove_chan_try_send(a, &element), -EAGAIN);
    RV_EXPECT_EQ(rove_chan_try_recv(b, &element), -EAGAIN);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    rove_release(f);
    rove_chan_release(a);
    rove_chan_release(b);
    return 0;
}

struct scene {
    rove_chan *a, *b;
    rove_future *future;
    void *result;
    int in, out;
    int index, error;
    RV_ATOMIC(int) arrived;
};

static int select_all(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    rove_select_case cases[] = {receiving(s->a, &s->out), sending(s->b, &s->in),
                                awaiting(s->future, (void *)&s->result)};
    (void)rv_fetch_add_relaxed(&s->arrived, 1);
    s->index = rove_select(3, cases, ROVE_FOREVER);
    s->error = s->index >= 0 ? cases[s->index].error : 0;
    return s->index < 0 ? s->index : 0;
}

static int wait_for_select(struct scene *s, rove_task **t)
{
    *s = (struct scene){.a = rove_chan_create(sizeof(int), 0),
                        .b = rove_chan_create(sizeof(int), 0),
                        .future = rove_create_future(),
                        .in = 7,
                        .out = -1,
                        .index = -1};
    *t = rove_create_task(select_all, s);
    RV_YIELD_UNTIL(rv_load_relaxed(&s->arrived) == 1);
    RV_EXPECT(has_waiters(s->a) && has_waiters(s->b));
    return 0;
}

static void end_scene(struct scene *s)
{
    RV_EXPECT(!has_waiters(s->a) && !has_waiters(s->b));
    RV_EXPECT(rv_waitq_is_empty(&s->future->waiters));
    (void)rove_set_result(s->future, NULL);
    rove_release(s->future);
    rove_chan_release(s->a);
    rove_chan_release(s->b);
}

/* Goal: each kind of partner wakes it, and only that case happens. */
static int partner_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s;
    rove_task *t;
    int n = 11;
    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_chan_send(s.a, &n), 0);
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), -EAGAIN);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(s.index == 0 && s.out == 11 && s.error == 0);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), 0);
    RV_EXPECT_EQ(rove_chan_try_send(s.a, &n), -EAGAIN);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(s.index == 1 && n == 7 && s.out == -1);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_set_result(s.future, &s), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(s.index == 2 && s.result == &s && s.error == 0);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_set_error(s.future, -5000), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(s.index == 2 && s.error == -5000);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_chan_close(s.b), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT(s.index == 1 && s.error == -EPIPE);
    end_scene(&s);
    return 0;
}

static void test_select_each_partner_wakes_just_its_case(void **state)
{
    (void)state;
    rv_test_run_on(1, partner_body, NULL);
}

/* Goal: a cancelled select does nothing; one that was claimed first stands; one whose cancellation
 * is withdrawn before it knew waits on. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s;
    rove_task *t;
    int n = 3;
    wait_for_select(&s, &t);
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), 0);
    RV_EXPECT(rove_cancel(t)); /* claimed before */
    (void)rove_join(t, NULL);
    RV_EXPECT_EQ(s.index, 1);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), -EAGAIN); /* nobody waits any more */
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(s.index, -ECANCELED);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), -EAGAIN);
    RV_EXPECT_EQ(rove_uncancel(t), 0);
    RV_YIELD_UNTIL(has_waiters(s.b));
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(s.index, 1);
    end_scene(&s);

    wait_for_select(&s, &t);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_chan_try_recv(s.b, &n), -EAGAIN);
    RV_EXPECT(!rove_done(s.future)); /* a select's cancellation is not the future's */
    end_scene(&s);
    return 0;
}

static void test_select_cancellation_does_nothing_else(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

struct last_handles {
    rove_chan *chan; /* in two cases */
    rove_future *future;
    bool has_begun;
};

static int select_last_handles(void *arg, RV_UNUSED void **result)
{
    struct last_handles *l = arg;
    int n = 7;
    rove_select_case cases[] = {receiving(l->chan, &n), sending(l->chan, &n),
                                awaiting(l->future, NULL)};
    l->has_begun = true;
    int index = rove_select(RV_ARRAY_LEN(cases), cases, ROVE_FOREVER);
    return index < 0 ? index : cases[index].error;
}

/* Goal: the last handles may go at the close and the set, also if the select was passed over and
 * finds its cancellation withdrawn. */
static int passed_over_at_the_end_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int turn = 0; turn < 4; turn++) {
        bool is_withdrawn = (turn & 1) != 0;
        bool closes = (turn & 2) != 0;
        struct last_handles l = {rove_chan_create(sizeof(int), 0), rove_create_future(), false};
        rove_task *t = rove_create_task(select_last_handles, &l);
        int n;
        RV_YIELD_UNTIL(l.has_begun);
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_chan_try_recv(l.chan, &n), -EAGAIN); /* passes over it */
        if (closes) {
            RV_EXPECT_EQ(rove_chan_close(l.chan), 0);
            rove_chan_release(l.chan);
        } else {
            RV_EXPECT_EQ(rove_set_error(l.future, -EPIPE), 0);
            rove_release(l.future);
        }
        if (is_withdrawn) {
            RV_EXPECT_EQ(rove_uncancel(t), 0);
        }
        RV_EXPECT_EQ(rove_join(t, NULL), is_withdrawn ? -EPIPE : -ECANCELED);
        rove_chan_release(closes ? NULL : l.chan);
        rove_release(closes ? l.future : NULL);
    }
    return 0;
}

static void test_select_passed_over_keeps_what_it_waits_for(void **state)
{
    (void)state;
    rv_test_run_on(1, passed_over_at_the_end_body, NULL);
}

/* Goal: among always ready cases each is chosen about as often, whatever the others are. */
RV_TASK_TEST(test_select_is_fair_among_the_ready)
{
    enum { CASES = 6, READY = 3, TURNS = 6000 };
    rove_chan *c = rove_chan_create(0, 1);
    int count[CASES] = {0};
    rove_chan_close(c);
    for (int turn = 0; turn < TURNS; turn++) {
        rove_select_case cases[CASES] = {{0}};
        for (int i = 0; i < CASES; i++) {
            cases[i] = receiving(i < READY ? c : NULL, NULL);
        }
        int index = rove_select(CASES, cases, ROVE_FOREVER);
        RV_REQUIRE(index >= 0 && index < READY);
        count[index]++;
    }
    for (int i = 0; i < READY; i++) {
        /* 2000 expected; 300 away is eight standard deviations. */
        RV_EXPECT(count[i] > TURNS / READY - 300 && count[i] < TURNS / READY + 300);
    }
    rove_chan_release(c);
    return 0;
}

static int send_one(void *arg, RV_UNUSED void **result)
{
    int n = 1;
    return rove_chan_send(arg, &n);
}

/* Goal: many cases, several of one channel, more than fit on the stack. */
RV_TASK_TEST(test_select_of_many_cases_works)
{
    enum { CASES = 300 };
    rove_select_case *cases = calloc(CASES, sizeof *cases);
    rove_chan *chans[3];
    int out = 0;
    for (int i = 0; i < 3; i++) {
        chans[i] = rove_chan_create(sizeof(int), 0);
    }
    for (int i = 0; i < CASES; i++) {
        cases[i] = receiving(chans[i % 3], &out);
    }
    rove_task *t = rove_create_task(send_one, chans[1]);
    int index = rove_select(CASES, cases, ROVE_FOREVER);
    RV_EXPECT(index >= 0 && index % 3 == 1);
    RV_EXPECT_EQ(out, 1);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    for (int i = 0; i < 3; i++) {
        RV_EXPECT(!has_waiters(chans[i]));
        rove_chan_release(chans[i]);
    }
    free(cases);
    return 0;
}

enum { CHANS = 3 };

struct stress {
    rove_chan *chans[CHANS];
    unsigned rounds;
    RV_ATOMIC(uint64_t) sent, received, sent_sum, received_sum;
};

/*
 * A member sends on one channel and receives on another in one select, so selects meet selects,
 * in both roles at once; plain senders and receivers stand among them.
 */
static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 64);
    uint64_t in = (uint64_t)m->idx << 32 | (m->done + 1);
    uint64_t out = 0;
    rove_select_case cases[] = {sending(s->chans[dice % CHANS], &in),
                                receiving(s->chans[(dice / 4) % CHANS], &out)};
    rove_duration timeout = dice < 8 ? 0 : dice < 16 ? ROVE_US(dice) : ROVE_FOREVER;
    int index = rove_select(2, cases, timeout);
    if (index < 0) {
        RV_EXPECT(index == -ECANCELED || index == (timeout == 0 ? -EAGAIN : -ETIMEDOUT));
        return true;
    }
    if (cases[index].error == -EPIPE) {
        return false;
    }
    RV_EXPECT_EQ(cases[index].error, 0);
    (void)rv_fetch_add_relaxed(index == 0 ? &s->sent : &s->received, 1u);
    (void)rv_fetch_add_relaxed(index == 0 ? &s->sent_sum : &s->received_sum, index == 0 ? in : out);
    m->done++;
    return m->done < s->rounds;
}

/* A plain thread on the other end: in turn sends and receives. */
static bool thread_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    rove_chan *c = s->chans[m->done % CHANS];
    uint64_t value = UINT64_C(1) << 40 | (m->done + 1);
    bool sends = (m->done & 1) != 0;
    int rc = sends ? rove_chan_send_blocking(c, &value, ROVE_US(100))
                   : rove_chan_recv_blocking(c, &value, ROVE_US(100));
    if (rc == 0) {
        (void)rv_fetch_add_relaxed(sends ? &s->sent : &s->received, 1u);
        (void)rv_fetch_add_relaxed(sends ? &s->sent_sum : &s->received_sum, value);
    }
    m->done++;
    return rc != -EPIPE;
}

static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd selectors;
    struct rv_crowd threads;
    struct rv_rand rand;
    for (int i = 0; i < CHANS; i++) {
        s.chans[i] = rove_chan_create(sizeof(uint64_t), 0);
    }
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&selectors, 12, 0, stress_step, &s);
    rv_crowd_start(&threads, 0, 1, thread_step, &s);
    /* The last ones may find no partner: once half of the work is done, the channels close. */
    RV_YIELD_UNTIL((rv_crowd_harass(&selectors, &rand),
                    rv_load_relaxed(&s.sent) + rv_load_relaxed(&s.received) > 6ul * s.rounds));
    for (int i = 0; i < CHANS; i++) {
        RV_EXPECT_EQ(rove_chan_close(s.chans[i]), 0);
    }
    (void)rv_crowd_finish(&selectors, &rand);
    (void)rv_crowd_finish(&threads, &rand);
    RV_EXPECT_EQ(rv_load_relaxed(&s.sent), rv_load_relaxed(&s.received));
    RV_EXPECT_EQ(rv_load_relaxed(&s.sent_sum), rv_load_relaxed(&s.received_sum));
    for (int i = 0; i < CHANS; i++) {
        RV_EXPECT(!has_waiters(s.chans[i]));
        rove_chan_release(s.chans[i]);
    }
    return 0;
}

/* Goal: selects against selects, threads, cancels and deadlines: what is sent is received once. */
static void test_select_stress_counts_exactly(void **state)
{
    (void)state;
    unsigned rounds = 4000;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

static void test_select_is_refused_outside_a_task(void **state)
{
    (void)state;
    assert_int_equal(rove_select(0, NULL, 0), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select_without_waiting_takes_what_is_ready),
        cmocka_unit_test(test_select_arguments_are_checked),
        cmocka_unit_test(test_select_deadline_leaves_no_trace),
        cmocka_unit_test(test_select_each_partner_wakes_just_its_case),
        cmocka_unit_test(test_select_cancellation_does_nothing_else),
        cmocka_unit_test(test_select_passed_over_keeps_what_it_waits_for),
        cmocka_unit_test(test_select_is_fair_among_the_ready),
        cmocka_unit_test(test_select_of_many_cases_works),
        cmocka_unit_test(test_select_stress_counts_exactly),
        cmocka_unit_test(test_select_is_refused_outside_a_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

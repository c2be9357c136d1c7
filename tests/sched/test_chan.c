// SPDX-License-Identifier: MIT
/*
 * Purpose: channels: rendezvous, buffering, closing, order, cancellation, exact counts.
 */
#include "support/crowd.h"
#include "support/fixture.h"

struct scene {
    rove_chan *chan;
    int value[16];
    int rc[16];
    int arrived;
};

static int send_number(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int n = s->arrived++;
    return s->rc[n] = rove_chan_send(s->chan, &n);
}

static int receive_number(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int n = s->arrived++;
    s->value[n] = -1;
    return s->rc[n] = rove_chan_recv(s->chan, &s->value[n]);
}

static void start(struct scene *s, rove_coro *fn, rove_task *tasks[], int n)
{
    s->arrived = 0;
    for (int i = 0; i < n; i++) {
        tasks[i] = rove_create_task(fn, s);
    }
    RV_YIELD_UNTIL(s->arrived == n);
}

/* Goal: a buffer holds as many as it has room for, first in first out, over its end. */
RV_TASK_TEST(test_chan_buffer_is_first_in_first_out)
{
    rove_chan *c = rove_chan_create(sizeof(int), 3);
    int out = -1;
    RV_REQUIRE(c != NULL);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            RV_EXPECT_EQ(rove_chan_send(c, &i), 0);
        }
        RV_EXPECT_EQ(rove_chan_try_send(c, &out), -EAGAIN);
        for (int i = 0; i < 3; i++) {
            RV_EXPECT_EQ(i == 0 ? rove_chan_try_recv(c, &out) : rove_chan_recv(c, &out), 0);
            RV_EXPECT_EQ(out, i);
        }
        RV_EXPECT_EQ(rove_chan_try_recv(c, &out), -EAGAIN);
        RV_EXPECT_EQ(rove_chan_send(c, &round), 0); /* moves the start of the buffer on */
        RV_EXPECT_EQ(rove_chan_recv(c, &out), 0);
        RV_EXPECT_EQ(out, round);
    }
    rove_chan_release(c);
    rove_chan_release(NULL);
    return 0;
}

/* Goal: misuse is refused, sizes that cannot be are NULL, a signal channel needs no element. */
RV_TASK_TEST(test_chan_arguments_are_checked)
{
    int element = 0;
    rove_chan *c = rove_chan_create(sizeof(int), 1);
    RV_EXPECT_EQ(rove_chan_send(NULL, &element), -EINVAL);
    RV_EXPECT_EQ(rove_chan_send(c, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_chan_recv(c, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_chan_close(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_chan_send_blocking(c, &element, 0), -EPERM);
    RV_EXPECT_EQ(rove_chan_recv_blocking(c, &element, 0), -EPERM);
    RV_EXPECT_PTR(rove_chan_create(SIZE_MAX / 2, 3), NULL);
    RV_EXPECT_PTR(rove_chan_retain(c), c);
    rove_chan_release(c);
    rove_chan_release(c);
    c = rove_chan_create(0, 2);
    RV_EXPECT_EQ(rove_chan_send(c, NULL), 0);
    RV_EXPECT_EQ(rove_chan_send(c, NULL), 0);
    RV_EXPECT_EQ(rove_chan_try_send(c, NULL), -EAGAIN);
    RV_EXPECT_EQ(rove_chan_recv(c, NULL), 0);
    rove_chan_release(c);
    return 0;
}

/* Goal: elements of any size arrive whole. */
RV_TASK_TEST(test_chan_elements_of_any_size_arrive_whole)
{
    static const size_t sizes[] = {1, 2, 4, 7, 8, 12, 16, 24, 100};
    for (size_t i = 0; i < RV_ARRAY_LEN(sizes); i++) {
        unsigned char in[101];
        unsigned char out[101] = {0};
        rove_chan *c = rove_chan_create(sizes[i], 2);
        for (size_t k = 0; k < sizeof in; k++) {
            in[k] = (unsigned char)(k + 1);
        }
        RV_EXPECT_EQ(rove_chan_send(c, in), 0);
        RV_EXPECT_EQ(rove_chan_send(c, in), 0);
        RV_EXPECT_EQ(rove_chan_recv(c, out), 0);
        RV_EXPECT_EQ(memcmp(in, out, sizes[i]), 0);
        RV_EXPECT_EQ(out[sizes[i]], 0);
        rove_chan_release(c);
    }
    return 0;
}

/* Goal: without a buffer each side waits for the other, in order of arrival. */
static int rendezvous_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.chan = rove_chan_create(sizeof(int), 0)};
    rove_task *tasks[4];
    int out = -1;
    RV_EXPECT_EQ(rove_chan_try_send(s.chan, &out), -EAGAIN);
    start(&s, send_number, tasks, 4);
    for (int i = 0; i < 4; i++) {
        RV_EXPECT(!rove_done(tasks[i]));
        RV_EXPECT_EQ(i < 2 ? rove_chan_recv(s.chan, &out) : rove_chan_try_recv(s.chan, &out), 0);
        RV_EXPECT_EQ(out, i);
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    start(&s, receive_number, tasks, 4);
    for (int i = 0; i < 4; i++) {
        out = 100 + i;
        RV_EXPECT_EQ(i < 2 ? rove_chan_send(s.chan, &out) : rove_chan_try_send(s.chan, &out), 0);
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        RV_EXPECT_EQ(s.value[i], 100 + i);
    }
    rove_chan_release(s.chan);
    return 0;
}

static void test_chan_rendezvous_meets_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, rendezvous_body, NULL);
}

/* Goal: a sender that waits for room comes behind what is buffered. */
static int full_buffer_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.chan = rove_chan_create(sizeof(int), 2)};
    rove_task *tasks[5];
    int out = -1;
    start(&s, send_number, tasks, 5);
    RV_EXPECT(rove_cancel(tasks[3]));
    RV_EXPECT_EQ(rove_join(tasks[3], NULL), -ECANCELED);
    static const int expected[] = {0, 1, 2, 4};
    for (int i = 0; i < 4; i++) {
        RV_EXPECT_EQ(rove_chan_recv(s.chan, &out), 0);
        RV_EXPECT_EQ(out, expected[i]);
        RV_EXPECT_EQ(rove_join(tasks[expected[i]], NULL), 0);
    }
    RV_EXPECT_EQ(rove_chan_try_recv(s.chan, &out), -EAGAIN);
    rove_chan_release(s.chan);
    return 0;
}

static void test_chan_senders_wait_behind_the_buffer(void **state)
{
    (void)state;
    rv_test_run_on(1, full_buffer_body, NULL);
}

/* Goal: close fails sends, lets receivers drain, and wakes all who wait. */
static int close_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.chan = rove_chan_create(sizeof(int), 2)};
    rove_task *tasks[4];
    int out = -1;
    start(&s, send_number, tasks, 4);
    RV_EXPECT_EQ(rove_chan_close(s.chan), 0);
    RV_EXPECT_EQ(rove_chan_close(s.chan), -EPIPE);
    for (int i = 0; i < 4; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), i < 2 ? 0 : -EPIPE);
    }
    RV_EXPECT_EQ(rove_chan_send(s.chan, &out), -EPIPE);
    RV_EXPECT_EQ(rove_chan_try_send(s.chan, &out), -EPIPE);
    for (int i = 0; i < 2; i++) {
        RV_EXPECT_EQ(rove_chan_recv(s.chan, &out), 0);
        RV_EXPECT_EQ(out, i);
    }
    out = -7;
    RV_EXPECT_EQ(rove_chan_recv(s.chan, &out), -EPIPE);
    RV_EXPECT_EQ(rove_chan_try_recv(s.chan, &out), -EPIPE);
    RV_EXPECT_EQ(out, -7);
    rove_chan_release(s.chan);

    s.chan = rove_chan_create(sizeof(int), 0);
    start(&s, receive_number, tasks, 4);
    RV_EXPECT_EQ(rove_chan_close(s.chan), 0);
    for (int i = 0; i < 4; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -EPIPE);
        RV_EXPECT_EQ(s.value[i], -1);
    }
    rove_chan_release(s.chan);
    return 0;
}

static void test_chan_close_wakes_and_drains(void **state)
{
    (void)state;
    rv_test_run_on(1, close_body, NULL);
}

/* Goal: a transfer that meets a cancellation stands: the element is not lost. */
static int transfer_meets_cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.chan = rove_chan_create(sizeof(int), 0)};
    rove_task *tasks[1];
    int in = 42;
    start(&s, receive_number, tasks, 1);
    RV_EXPECT_EQ(rove_chan_send(s.chan, &in), 0);
    RV_EXPECT(rove_cancel(tasks[0]));
    (void)rove_join(tasks[0], NULL);
    RV_EXPECT_EQ(s.rc[0], 0);
    RV_EXPECT_EQ(s.value[0], 42);
    rove_chan_release(s.chan);
    return 0;
}

static void test_chan_transfer_that_meets_a_cancellation_stands(void **state)
{
    (void)state;
    rv_test_run_on(1, transfer_meets_cancel_body, NULL);
}

/* Goal: who was cancelled before is passed over, and the element goes to the next; who finds the
 * cancellation withdrawn waits on. */
static int passed_over_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.chan = rove_chan_create(sizeof(int), 0)};
    rove_task *tasks[2];
    int n = 42;
    start(&s, receive_number, tasks, 2);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_chan_try_send(s.chan, &n), 0);
    RV_EXPECT_EQ(rove_chan_try_send(s.chan, &n), -EAGAIN);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    RV_EXPECT_EQ(s.rc[0], -ECANCELED);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(s.value[1], 42);

    start(&s, send_number, tasks, 1);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_chan_try_recv(s.chan, &n), -EAGAIN);
    RV_EXPECT_EQ(rove_uncancel(tasks[0]), 0);
    (void)rove_yield();
    RV_EXPECT_EQ(rove_chan_try_recv(s.chan, &n), 0);
    RV_EXPECT_EQ(n, 0);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    rove_chan_release(s.chan);
    return 0;
}

static void test_chan_cancelled_waiter_is_passed_over(void **state)
{
    (void)state;
    rv_test_run_on(1, passed_over_body, NULL);
}

/* Goal: who closes a channel may drop the last handle at once, also if one waits who was passed
 * over, at the close or before, and finds its cancellation withdrawn. */
static int passed_over_at_the_end_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (unsigned turn = 0; turn < 8; turn++) {
        bool is_before = (turn & 1) != 0;
        bool is_withdrawn = (turn & 2) != 0;
        struct scene s = {.chan = rove_chan_create(sizeof(int), 0)};
        rove_task *tasks[1];
        int n = 42;
        start(&s, (turn & 4) != 0 ? receive_number : send_number, tasks, 1);
        RV_EXPECT(rove_cancel(tasks[0]));
        if (is_before && (turn & 4) != 0) {
            RV_EXPECT_EQ(rove_chan_try_send(s.chan, &n), -EAGAIN);
        } else if (is_before) {
            RV_EXPECT_EQ(rove_chan_try_recv(s.chan, &n), -EAGAIN);
        }
        RV_EXPECT_EQ(rove_chan_close(s.chan), 0);
        rove_chan_release(s.chan);
        if (is_withdrawn) {
            RV_EXPECT_EQ(rove_uncancel(tasks[0]), 0);
        }
        RV_EXPECT_EQ(rove_join(tasks[0], NULL), is_withdrawn ? -EPIPE : -ECANCELED);
    }
    return 0;
}

static void test_chan_dropped_under_one_passed_over_stays_for_it(void **state)
{
    (void)state;
    rv_test_run_on(1, passed_over_at_the_end_body, NULL);
}

struct stress {
    rove_chan *chan;
    unsigned rounds;
    RV_ATOMIC(uint64_t) sent_sum, got_sum;
};

struct element {
    uint64_t value, inverse;
};

static bool send_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    uint64_t value = (uint64_t)m->idx << 32 | (m->done + 1);
    struct element e = {value, ~value};
    int rc;
    if (!m->is_task) {
        rc = rove_chan_send_blocking(s->chan, &e, dice < 4 ? ROVE_US(dice) : ROVE_FOREVER);
    } else {
        rc = dice == 0 ? rove_chan_try_send(s->chan, &e) : rove_chan_send(s->chan, &e);
    }
    if (rc == 0) {
        (void)rv_fetch_add_relaxed(&s->sent_sum, value);
        m->done++;
    } else {
        RV_EXPECT(rc == -EAGAIN || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    }
    return m->done < s->rounds;
}

static bool receive_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    struct element e = {0, 0};
    int rc = m->is_task ? rove_chan_recv(s->chan, &e)
                        : rove_chan_recv_blocking(s->chan, &e, ROVE_US(50));
    if (rc == 0) {
        RV_EXPECT(e.inverse == ~e.value);
        (void)rv_fetch_add_relaxed(&s->got_sum, e.value);
        m->done++;
    } else {
        RV_EXPECT(rc == -EPIPE || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    }
    return rc != -EPIPE;
}

static int stress_one(size_t capacity, unsigned rounds)
{
    struct stress s = {.chan = rove_chan_create(sizeof(struct element), capacity),
                       .rounds = rounds};
    struct rv_crowd senders;
    struct rv_crowd receivers;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&receivers, 8, 1, receive_step, &s);
    rv_crowd_start(&senders, 8, 1, send_step, &s);
    while (!rv_crowd_is_finished(&senders)) {
        rv_crowd_harass(&receivers, &rand);
        rv_crowd_harass(&senders, &rand);
    }
    unsigned long sent = rv_crowd_finish(&senders, &rand);
    RV_EXPECT_EQ(rove_chan_close(s.chan), 0);
    unsigned long got = rv_crowd_finish(&receivers, &rand);
    RV_EXPECT_EQ(sent, 9ul * rounds);
    RV_EXPECT_EQ(got, sent);
    RV_EXPECT_EQ(rv_load_relaxed(&s.got_sum), rv_load_relaxed(&s.sent_sum));
    rove_chan_release(s.chan);
    return 0;
}

/* Goal: N senders, M receivers, cancels, timeouts: each element arrives exactly once. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    unsigned rounds = *(unsigned *)arg * rv_crowd_factor();
    RV_REQUIRE_EQ(stress_one(0, rounds), 0);
    RV_REQUIRE_EQ(stress_one(1, rounds), 0);
    return stress_one(7, rounds);
}

static void test_chan_stress_counts_exactly(void **state)
{
    (void)state;
    unsigned rounds = 1500;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

static void *echo_thread(void *arg)
{
    rove_chan **chans = arg;
    int n;
    while (rove_chan_recv_blocking(chans[0], &n, ROVE_FOREVER) == 0) {
        n++;
        RV_EXPECT_EQ(rove_chan_send_blocking(chans[1], &n, ROVE_FOREVER), 0);
    }
    return NULL;
}

static int ask_echo(void *arg, RV_UNUSED void **result)
{
    rove_chan **chans = arg;
    for (int i = 0; i < 200; i++) {
        int back = 0;
        RV_REQUIRE_EQ(rove_chan_send(chans[0], &i), 0);
        RV_REQUIRE_EQ(rove_chan_recv(chans[1], &back), 0);
        RV_REQUIRE_EQ(back, i + 1);
    }
    return rove_chan_close(chans[0]);
}

/* Goal: a task and a plain thread talk; a thread's wait times out; tasks' calls are refused. */
static void test_chan_crosses_between_threads_and_tasks(void **state)
{
    (void)state;
    rove_chan *chans[2] = {rove_chan_create(sizeof(int), 0), rove_chan_create(sizeof(int), 0)};
    pthread_t thread;
    int n = 0;
    assert_int_equal(rove_chan_send(chans[0], &n), -EPERM);
    assert_int_equal(rove_chan_try_recv(chans[0], &n), -EPERM);
    assert_int_equal(rove_chan_send_blocking(chans[0], &n, ROVE_US(50)), -ETIMEDOUT);
    assert_int_equal(rove_chan_recv_blocking(chans[0], &n, 0), -ETIMEDOUT);
    assert_int_equal(pthread_create(&thread, NULL, echo_thread, chans), 0);
    assert_int_equal(rove_run(ask_echo, chans, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rv_test_settle();
    rove_chan_release(chans[0]);
    rove_chan_release(chans[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chan_buffer_is_first_in_first_out),
        cmocka_unit_test(test_chan_arguments_are_checked),
        cmocka_unit_test(test_chan_elements_of_any_size_arrive_whole),
        cmocka_unit_test(test_chan_rendezvous_meets_in_order),
        cmocka_unit_test(test_chan_senders_wait_behind_the_buffer),
        cmocka_unit_test(test_chan_close_wakes_and_drains),
        cmocka_unit_test(test_chan_transfer_that_meets_a_cancellation_stands),
        cmocka_unit_test(test_chan_cancelled_waiter_is_passed_over),
        cmocka_unit_test(test_chan_dropped_under_one_passed_over_stays_for_it),
        cmocka_unit_test(test_chan_stress_counts_exactly),
        cmocka_unit_test(test_chan_crosses_between_threads_and_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

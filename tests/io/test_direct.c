// SPDX-License-Identifier: MIT
/*
 * Purpose: io/direct.c: a send goes out at once only when nobody would share the system call.
 * Idea:    in a task on io_uring's only worker, with entries, completions and ready tasks put there
 *          by the test; the result tells nothing of the way, so the function is called itself.
 */
#include "io/uring.h"
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/current.h"
#include "sched/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[2];
static char text[64];

static bool send_directly(enum rv_op_kind kind, unsigned flags, ssize_t *result)
{
    struct rv_task *self = rv_current_task();
    struct iovec v = {.iov_base = text, .iov_len = 3};
    struct msghdr message = {.msg_iov = &v, .msg_iovlen = 1};
    bool is_message = kind == RV_OP_SENDMSG || kind == RV_OP_RECVMSG;
    struct rv_op op = {.kind = kind, .fd = fds[1], .addr = is_message ? (void *)&message : text,
                       .len = 3, .flags = flags | MSG_NOSIGNAL, .task = self};
    op.result = -1234;
    bool is_sent = rv_direct_send(&op, self);
    *result = op.result;
    return is_sent;
}

static int run_on_uring(rove_coro *body)
{
    rove_options options = {.workers = 1, .backend = ROVE_BACKEND_URING};
    if (rv_ring_probe() < 0)
        skip();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    int rc = rove_run_with(&options, body, NULL, NULL);
    close(fds[0]);
    close(fds[1]);
    rv_test_settle();
    return rc;
}

/* Lets the loop take what is left over from the start. */
static void come_to_rest(void)
{
    for (int i = 0; i < 200; i++)
        (void)rove_yield();
}

static int lone_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static const enum rv_op_kind sends[] = {RV_OP_SEND, RV_OP_SENDMSG};
    static const enum rv_op_kind others[] = {RV_OP_RECV, RV_OP_RECVMSG, RV_OP_WRITE, RV_OP_POLL};
    struct rv_worker_counters *count = &rv_current_worker()->count;
    ssize_t n;
    come_to_rest();
    for (size_t i = 0; i < RV_ARRAY_LEN(sends); i++) {
        uint64_t submitted = rv_load_relaxed(&count->ops_submitted);
        uint64_t completed = rv_load_relaxed(&count->ops_completed);
        RV_EXPECT(send_directly(sends[i], 0, &n));
        RV_EXPECT_EQ(n, 3);
        RV_EXPECT_EQ(rv_load_relaxed(&count->ops_submitted), submitted + 1);
        RV_EXPECT_EQ(rv_load_relaxed(&count->ops_completed), completed + 1);
        RV_EXPECT_EQ(recv(fds[0], text, sizeof text, 0), 3);
    }
    for (size_t i = 0; i < RV_ARRAY_LEN(others); i++) {
        RV_EXPECT(!send_directly(others[i], 0, &n));
        RV_EXPECT_EQ(n, -1234);
    }
    return 0;
}

/* Goal: a lone send is sent, counted as any operation; nothing else is touched. */
static void test_direct_lone_send_goes_out(void **state)
{
    (void)state;
    assert_int_equal(run_on_uring(lone_body), 0);
}

static int do_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static void push_nop(void)
{
    struct rv_uring *u = rv_uring_of(rv_current_worker());
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    io_uring_prep_nop(sqe);
    sqe->user_data = RV_URING_DATA_IGNORE;
    rv_ring_push(&u->ring);
}

static int company_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_uring *u = rv_uring_of(rv_current_worker());
    ssize_t n;
    come_to_rest();
    rove_task *t = rove_create_task(do_nothing, NULL);
    RV_EXPECT(!send_directly(RV_OP_SEND, 0, &n)); /* somebody is ready, who may send too */
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    come_to_rest();
    push_nop();
    RV_EXPECT(!send_directly(RV_OP_SEND, 0, &n)); /* an entry waits to be handed over */
    RV_EXPECT_EQ(rv_ring_enter_wait(&u->ring, -1), 0);
    RV_EXPECT(rv_ring_has_completions(&u->ring));
    RV_EXPECT(!send_directly(RV_OP_SEND, 0, &n)); /* a completion waits to be taken */
    come_to_rest();
    RV_EXPECT(send_directly(RV_OP_SEND, 0, &n));
    RV_EXPECT_EQ(recv(fds[0], text, sizeof text, MSG_DONTWAIT), 3); /* once, not four times */
    return 0;
}

/* Goal: with company it is queued: entries, completions or ready tasks share the system call. */
static void test_direct_send_in_company_is_queued(void **state)
{
    (void)state;
    assert_int_equal(run_on_uring(company_body), 0);
}

static int full_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    ssize_t n;
    come_to_rest();
    while (send(fds[1], text, sizeof text, MSG_DONTWAIT) > 0) {
    }
    RV_EXPECT(!send_directly(RV_OP_SEND, 0, &n)); /* it would block: the ring waits for it */
    RV_EXPECT_EQ(n, -1234);
    RV_EXPECT(send_directly(RV_OP_SEND, MSG_DONTWAIT, &n)); /* who does not want to wait: told */
    RV_EXPECT_EQ(n, -EAGAIN);
    RV_EXPECT_EQ(shutdown(fds[1], SHUT_WR), 0);
    RV_EXPECT(send_directly(RV_OP_SEND, 0, &n));
    RV_EXPECT_EQ(n, -EPIPE);
    return 0;
}

/* Goal: a send that would block goes its usual way; errors are results. */
static void test_direct_blocking_send_is_queued(void **state)
{
    (void)state;
    assert_int_equal(run_on_uring(full_body), 0);
}

static int busy_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_worker *w = rv_current_worker();
    uint64_t steps = rv_load_relaxed(&w->step);
    for (int i = 0; i < 3 * RV_WORKER_TICK; i++) {
        ssize_t n;
        if (send_directly(RV_OP_SEND, 0, &n))
            RV_EXPECT_EQ(recv(fds[0], text, sizeof text, 0), 3);
        else
            (void)rove_yield();
    }
    RV_EXPECT(rv_load_relaxed(&w->step) - steps >= 2); /* it has let the worker look around */
    return 0;
}

/* Goal: sends that never wait count as switches: the worker looks around in time. */
static void test_direct_sends_pay_their_turns(void **state)
{
    (void)state;
    assert_int_equal(run_on_uring(busy_body), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct_lone_send_goes_out),
        cmocka_unit_test(test_direct_send_in_company_is_queued),
        cmocka_unit_test(test_direct_blocking_send_is_queued),
        cmocka_unit_test(test_direct_sends_pay_their_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

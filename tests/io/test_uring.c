// SPDX-License-Identifier: MIT
/*
 * Purpose: io/uring.h, uring.c: when a worker has to enter the kernel, what a rescuer may take of
 *          its completions, and that full queues lose nothing.
 * Idea:    first a worker that stands still with a real ring, step by step; then runtimes with more
 *          operations in flight than a ring has entries.
 */
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/still_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CROWD = RV_TSAN ? 300 : 700, WAITERS = 24 }; /* more than a ring has entries */

static struct rv_still still;
static struct rv_task task;
static struct rv_uring *u;
static int fds[2];

static void open_rings(unsigned n)
{
    int rc = rv_still_uring_open(&still, n);
    if (rc == -ENOTSUP)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    rv_still_task(&still, &task, 0);
    u = rv_still_ring(&still, 0);
    rv_still_play(&still, 0);
}

static void close_rings(void)
{
    rv_still_uring_close(&still);
    close(fds[0]);
    close(fds[1]);
}

/* A poll that is ready, queued and not handed over. */
static void queue_ready_poll(struct rv_op *op)
{
    rv_still_op(op, &task, RV_OP_POLL, fds[1]);
    op->flags = POLLOUT;
    rv_uring_queue(u, rv_uring_take_sqe(u), op);
}

static const struct rv_poller_ops *ops(void)
{
    return still.runtime.poller;
}

/* Goal: needs_poll says yes for each thing only a poll can bring forward, and else no. */
static void test_uring_needs_poll_for_each_reason(void **state)
{
    struct rv_worker *w;
    struct rv_op op;
    struct rv_task other;
    (void)state;
    open_rings(1);
    w = &still.workers[0];
    assert_false(ops()->needs_poll(w));
    queue_ready_poll(&op);
    assert_false(ops()->needs_poll(w)); /* nothing to run: the sleep hands over */
    rv_still_task(&still, &other, 0);
    assert_true(rv_runq_push(&w->runq, &other));
    assert_true(ops()->needs_poll(w));
    assert_ptr_equal(rv_runq_pop(&w->runq), &other);
    ops()->flush(w);
    assert_int_equal(rv_ring_unsent(&u->ring), 0);
    while (!ops()->needs_poll(w)) { /* it completes inside the kernel */
    }
    assert_int_equal(ops()->poll(w), 1);
    assert_int_equal(op.result, POLLOUT);
    assert_false(ops()->needs_poll(w));
    struct rv_ring_request request = {.handle = NULL};
    (void)rv_inbox_push(&u->requests, &request.node);
    assert_true(ops()->needs_poll(w));
    (void)rv_inbox_take_all(&u->requests);
    struct rv_post post;
    (void)rv_inbox_push(&u->posts, &post.node);
    assert_true(ops()->needs_poll(w));
    (void)rv_inbox_take_all(&u->posts);
    close_rings();
}

/* Goal: a full queue is handed over to make room; every entry completes, once. */
static void test_uring_full_queue_makes_room(void **state)
{
    static struct rv_op many[1500];
    unsigned woken = 0;
    (void)state;
    open_rings(1);
    assert_true(RV_ARRAY_LEN(many) > 2 * u->ring.sq_entries);
    for (size_t i = 0; i < RV_ARRAY_LEN(many); i++)
        queue_ready_poll(&many[i]);
    while (woken < RV_ARRAY_LEN(many))
        woken += ops()->poll(&still.workers[0]);
    assert_int_equal(woken, RV_ARRAY_LEN(many));
    for (size_t i = 0; i < RV_ARRAY_LEN(many); i++)
        assert_true(rv_op_is_done(&many[i]) && many[i].result == POLLOUT);
    assert_int_equal(rv_load_relaxed(&still.workers[0].count.ops_submitted), RV_ARRAY_LEN(many));
    assert_int_equal(rv_load_relaxed(&still.workers[0].count.ops_completed), RV_ARRAY_LEN(many));
    close_rings();
}

static void push_own(uint64_t data)
{
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    io_uring_prep_nop(sqe);
    sqe->user_data = data;
    rv_ring_push(&u->ring);
}

/* Goal: a rescuer takes the tasks' completions, also behind the owner's own, and leaves those; the
 * owner finds them later, and none of the others a second time. */
static void test_uring_rescuer_leaves_the_owners_completions(void **state)
{
    struct rv_op polls[3];
    (void)state;
    open_rings(2);
    rv_store_relaxed(&u->is_armed, 1u);
    rv_store_relaxed(&u->timer_ns, INT64_C(5));
    queue_ready_poll(&polls[0]);
    push_own(RV_URING_DATA_WAKE);
    queue_ready_poll(&polls[1]);
    push_own(RV_URING_DATA_ALARM);
    push_own(RV_URING_DATA_IGNORE);
    queue_ready_poll(&polls[2]);
    for (uint32_t n = 0; n < 6; n = rv_ring_cq_tail(&u->ring) - rv_ring_cq_head(&u->ring))
        assert_int_equal(rv_ring_enter(&u->ring), 0);
    assert_true(rv_lock_try(&u->cq_lock));
    assert_int_equal(rv_uring_reap_locked(u, &still.workers[1]), 3);
    rv_lock_release(&u->cq_lock);
    for (int i = 0; i < 3; i++)
        assert_true(rv_op_is_done(&polls[i]));
    assert_int_equal(rv_load_relaxed(&u->is_woken) + rv_load_relaxed(&u->is_alarmed), 0);
    assert_int_equal(rv_load_relaxed(&u->is_armed), 1);
    assert_true(rv_ring_has_completions(&u->ring));
    assert_int_equal(rv_load_relaxed(&still.workers[1].count.ops_completed), 3);
    assert_int_equal(rv_uring_reap(u), 0); /* "an operation completes once" would panic */
    assert_int_equal(rv_load_relaxed(&u->is_woken), 1);
    assert_int_equal(rv_load_relaxed(&u->is_alarmed), 1);
    assert_int_equal(rv_load_relaxed(&u->is_armed), 0);
    assert_false(rv_ring_has_completions(&u->ring));
    assert_true(rv_load_relaxed(&u->timer_ns) == 5); /* no timeout has come */
    close_rings();
}

/* Goal: who finds somebody else at the completions leaves a note and does not wait. */
static void test_uring_reap_leaves_a_note_when_taken(void **state)
{
    struct rv_op op;
    (void)state;
    open_rings(1);
    queue_ready_poll(&op);
    assert_true(rv_lock_try(&u->cq_lock));
    assert_int_equal(ops()->poll(&still.workers[0]), 0);
    assert_int_equal(rv_load_relaxed(&u->is_missed), 1);
    assert_false(rv_op_is_done(&op));
    rv_lock_release(&u->cq_lock);
    while (!rv_op_is_done(&op))
        (void)ops()->poll(&still.workers[0]);
    assert_int_equal(rv_load_relaxed(&u->is_missed), 0);
    close_rings();
}

static int wait_readable(void *arg, RV_UNUSED void **result)
{
    struct rv_op op = {.kind = RV_OP_POLL, .fd = *(const int *)arg, .flags = POLLIN,
                       .deadline_ns = INT64_MAX};
    ssize_t rc = rv_op_run(&op);
    return rc == POLLIN ? 0 : (int)rc;
}

static unsigned users_of(int fd)
{
    struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(rv_current_task()->runtime)->fds, fd);
    return slot == NULL ? 0 : rv_load_relaxed(&slot->users) & RV_FD_COUNT;
}

/* Goal: more operations wait than a ring has entries, and complete all at once: none is lost. */
RV_TASK_TEST(test_uring_more_waits_than_entries)
{
    static rove_task *tasks[CROWD];
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t one = 1;
    RV_REQUIRE(fd >= 0);
    for (int i = 0; i < CROWD; i++)
        RV_REQUIRE((tasks[i] = rove_create_task(wait_readable, &fd)) != NULL);
    RV_YIELD_UNTIL(users_of(fd) == CROWD);
    RV_EXPECT_EQ(write(fd, &one, sizeof one), sizeof one);
    for (int i = 0; i < CROWD; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return 0;
}

/* Goal: a close goes round all rings: waiters on every worker end, half of them cancelled at the
 * same moment, and the number is free. */
RV_TASK_TEST(test_uring_close_ends_the_waits_on_all_rings)
{
    for (int round = 0; round < 5; round++) {
        rove_task *tasks[WAITERS];
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        RV_REQUIRE(fd >= 0);
        for (int i = 0; i < WAITERS; i++)
            tasks[i] = rove_create_task(wait_readable, &fd);
        RV_YIELD_UNTIL(users_of(fd) == WAITERS);
        for (int i = 0; i < WAITERS; i += 2)
            RV_EXPECT(rove_cancel(tasks[i]));
        RV_EXPECT_EQ(rove_close(fd), 0);
        RV_EXPECT_EQ(fcntl(fd, F_GETFD), -1);
        for (int i = 0; i < WAITERS; i++) {
            int rc = rove_join(tasks[i], NULL);
            RV_EXPECT(rc == -ECANCELED || rc == -EBADF);
        }
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uring_needs_poll_for_each_reason),
        cmocka_unit_test(test_uring_full_queue_makes_room),
        cmocka_unit_test(test_uring_rescuer_leaves_the_owners_completions),
        cmocka_unit_test(test_uring_reap_leaves_a_note_when_taken),
        cmocka_unit_test(test_uring_more_waits_than_entries),
        cmocka_unit_test(test_uring_close_ends_the_waits_on_all_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/post.c: which receives go to another ring, who queues them there, who is reminded.
 * Idea:    workers that stand still, with real rings; the test plays the poster, the owner and the
 *          rescuer in turn. What posted receives owe to their tasks is test_steer.c's matter.
 */
#include "io/fdtab.h"
#include "support/fixture.h"
#include "support/still_uring.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rv_still still;
static struct rv_task task;
static struct rv_fd_slot slot;
static struct rv_op op;
static int fds[2];
static char byte;

static void open_rings(void)
{
    int rc = rv_still_uring_open(&still, 3);
    if (rc == -ENOTSUP)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (unsigned i = 0; i < 3; i++)
        rv_store_relaxed(&still.workers[i].is_running, 1u);
    memset(&slot, 0, sizeof slot);
    rv_still_play(&still, 0);
}

static void close_rings(void)
{
    rv_still_uring_close(&still);
    close(fds[0]);
    close(fds[1]);
}

/* A receive whose socket is at home on worker `home`; negative: nowhere. */
static void new_receive(int home)
{
    rv_still_task(&still, &task, 0);
    rv_still_op(&op, &task, RV_OP_RECV, fds[0]);
    op.addr = &byte;
    op.len = 1;
    op.slot = &slot;
    rv_store_relaxed(&slot.home, (uint32_t)(home + 1));
}

static struct rv_uring *ring(unsigned i)
{
    return rv_still_ring(&still, i);
}

static unsigned queued_on(unsigned i)
{
    return rv_ring_unsent(&ring(i)->ring);
}

/* Goal: only a receive that is at home on another worker, which is awake, is posted there. */
static void test_post_goes_home_if_that_is_worth_it(void **state)
{
    (void)state;
    open_rings();
    new_receive(-1);
    assert_false(rv_post_at_home(&op));
    new_receive(0); /* here */
    assert_false(rv_post_at_home(&op));
    new_receive(1);
    op.kind = RV_OP_READ;
    assert_false(rv_post_at_home(&op));
    op.kind = RV_OP_RECV;
    rv_store_relaxed(&still.workers[1].is_running, 0u);
    assert_false(rv_post_at_home(&op));
    rv_store_relaxed(&still.workers[1].is_running, 1u);
    assert_true(rv_post_at_home(&op));
    assert_null(rv_load_relaxed(&op.uring));
    assert_ptr_equal(op.post.to, ring(1));
    assert_ptr_equal(ring(0)->posted, ring(1));
    assert_false(rv_inbox_is_empty(&ring(1)->posts));
    struct rv_op other = op;
    rv_store_relaxed(&slot.home, 3u); /* a second ring to keep an eye on is one too many */
    assert_false(rv_post_at_home(&other));
    assert_int_equal(rv_post_take(ring(1), ring(1)), 0);
    assert_true(rv_post_at_home(&other)); /* the first has been taken */
    (void)rv_inbox_take_all(&ring(2)->posts);
    close_rings();
}

/* Goal: the owner queues what was posted, and the message arrives there. */
static void test_post_owner_queues_and_completes(void **state)
{
    (void)state;
    open_rings();
    new_receive(1);
    assert_true(rv_post_at_home(&op));
    assert_int_equal(queued_on(0) + queued_on(1), 0);
    assert_int_equal(rv_post_take(ring(1), ring(1)), 0);
    assert_int_equal(queued_on(1), 1);
    assert_ptr_equal(rv_load_relaxed(&op.uring), ring(1));
    assert_true(rv_inbox_is_empty(&ring(1)->posts));
    assert_int_equal(write(fds[1], "m", 1), 1);
    rv_still_play(&still, 1);
    while (!rv_op_is_done(&op)) {
        assert_int_equal(rv_ring_enter_wait(&ring(1)->ring, -1), 0);
        (void)rv_uring_reap(ring(1));
    }
    assert_int_equal(op.result, 1);
    assert_int_equal(byte, 'm');
    assert_true(rv_state_take_wake(&task.future.state));
    close_rings();
}

/* Goal: a rescuer takes the posts of a worker that computes onto its own ring. */
static void test_post_rescuer_takes_over(void **state)
{
    (void)state;
    open_rings();
    new_receive(1);
    assert_true(rv_post_at_home(&op));
    rv_still_play(&still, 2);
    assert_int_equal(rv_post_take(ring(1), ring(2)), 0);
    assert_int_equal(queued_on(1), 0);
    assert_int_equal(queued_on(2), 1);
    assert_ptr_equal(rv_load_relaxed(&op.uring), ring(2));
    assert_int_equal(rv_post_take(ring(1), ring(1)), 0); /* once */
    assert_int_equal(queued_on(1), 0);
    close_rings();
}

/* Goal: what is being closed meanwhile is not queued: the kernel would wait on nobody's behalf. */
static void test_post_of_a_closing_descriptor_ends(void **state)
{
    (void)state;
    open_rings();
    new_receive(1);
    assert_int_equal(rv_fd_enter(&slot), 0);
    assert_true(rv_post_at_home(&op));
    assert_true(rv_fd_close_begin(&slot, &task));
    assert_int_equal(rv_post_take(ring(1), ring(1)), 1);
    assert_int_equal(queued_on(1), 0);
    assert_true(rv_op_is_done(&op));
    assert_int_equal(op.result, -ECANCELED);
    assert_ptr_equal(rv_load_relaxed(&op.uring), ring(1));
    rv_fd_leave(&slot);
    close_rings();
}

/* How often the alarm was sounded since the last look. */
static uint64_t alarms(void)
{
    uint64_t n = 0;
    ssize_t rc = read(rv_uring_io_of(&still.runtime)->alarm_fd, &n, sizeof n);
    return rc == sizeof n ? n : 0;
}

/* Goal: a poster that goes to sleep sounds the alarm if its post still lies there, once. */
static void test_post_reminds_before_it_sleeps(void **state)
{
    (void)state;
    open_rings();
    rv_post_remind(ring(0)); /* nothing was posted */
    assert_int_equal(alarms(), 0);
    new_receive(1);
    assert_true(rv_post_at_home(&op));
    rv_post_remind(ring(0));
    assert_int_equal(alarms(), 1);
    assert_null(ring(0)->posted);
    rv_post_remind(ring(0));
    assert_int_equal(alarms(), 0);
    (void)rv_post_take(ring(1), ring(1));
    new_receive(2);
    assert_true(rv_post_at_home(&op));
    (void)rv_post_take(ring(2), ring(2)); /* taken in time */
    rv_post_remind(ring(0));
    assert_int_equal(alarms(), 0);
    close_rings();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_goes_home_if_that_is_worth_it),
        cmocka_unit_test(test_post_owner_queues_and_completes),
        cmocka_unit_test(test_post_rescuer_takes_over),
        cmocka_unit_test(test_post_of_a_closing_descriptor_ends),
        cmocka_unit_test(test_post_reminds_before_it_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

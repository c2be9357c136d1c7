// SPDX-License-Identifier: MIT
/*
 * Purpose: io/ring: the raw ring, without a runtime.
 */
#include "io/ring.h"

#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Rings are refused in some containers: then these tests have nothing to look at. */
static bool is_refused(void)
{
    return rv_ring_probe() < 0;
}

static void push_nop(struct rv_ring *ring, uint64_t data)
{
    struct io_uring_sqe *sqe = rv_ring_next(ring);
    assert_non_null(sqe);
    io_uring_prep_nop(sqe);
    sqe->user_data = data;
    rv_ring_push(ring);
}

/* Goal: each entry comes back once, in order. Method: no-ops around the ring several times. */
static void test_ring_nops_complete_in_order(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    uint64_t seen = 0;
    for (uint64_t sent = 0; sent < 100;) {
        for (int i = 0; i < 7; i++) {
            push_nop(&ring, ++sent);
        }
        assert_int_equal(rv_ring_unsent(&ring), 7);
        assert_int_equal(rv_ring_enter_wait(&ring, -1), 0);
        assert_int_equal(rv_ring_unsent(&ring), 0);
        uint32_t head = rv_ring_cq_head(&ring);
        for (; head != rv_ring_cq_tail(&ring); head++) {
            assert_int_equal(rv_ring_cqe(&ring, head)->user_data, ++seen);
        }
        rv_ring_cq_advance(&ring, head);
        assert_int_equal(seen, sent);
        assert_false(rv_ring_has_completions(&ring));
    }
    rv_ring_destroy(&ring);
}

/* Goal: a full queue says so and takes entries again after an enter. */
static void test_ring_full_gives_null(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    for (unsigned i = 0; i < ring.sq_entries; i++) {
        push_nop(&ring, i);
    }
    assert_null(rv_ring_next(&ring));
    assert_int_equal(rv_ring_enter(&ring), 0);
    assert_non_null(rv_ring_next(&ring));
    rv_ring_destroy(&ring);
}

/* Goal: more completions than the ring holds are kept by the kernel, none is lost. */
static void test_ring_overflow_loses_nothing(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    for (uint64_t i = 0; i < 64; i++) {
        push_nop(&ring, i);
        if (rv_ring_next(&ring) == NULL) {
            assert_int_equal(rv_ring_enter(&ring), 0);
        }
    }
    uint64_t sum = 0;
    unsigned count = 0;
    while (rv_ring_unsent(&ring) > 0 || rv_ring_must_enter(&ring) ||
           rv_ring_has_completions(&ring)) {
        assert_int_equal(rv_ring_enter(&ring), 0);
        uint32_t head = rv_ring_cq_head(&ring);
        for (; head != rv_ring_cq_tail(&ring); head++, count++) {
            sum += rv_ring_cqe(&ring, head)->user_data;
        }
        rv_ring_cq_advance(&ring, head);
    }
    assert_int_equal(count, 64);
    assert_int_equal(sum, 63 * 64 / 2);
    rv_ring_destroy(&ring);
}

/* Goal: an empty wait ends at its deadline, without a completion. */
static void test_ring_wait_times_out(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    assert_int_equal(rv_ring_enter_wait(&ring, 1000), -ETIME);
    assert_false(rv_ring_has_completions(&ring));
    rv_ring_destroy(&ring);
}

static void *use_foreign_ring(void *arg)
{
    struct rv_ring *ring = arg;
    push_nop(ring, 1);
    return (void *)(intptr_t)rv_ring_enter(ring);
}

/* Goal: a ring belongs to the thread that enabled it; the kernel refuses every other. */
static void test_ring_other_thread_is_refused(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    pthread_t thread;
    void *rc;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    /* The other thread has no registered rings: let it come by the descriptor. */
    ring.enter_fd = ring.fd;
    ring.enter_flags &= ~(unsigned)IORING_ENTER_REGISTERED_RING;
    assert_int_equal(pthread_create(&thread, NULL, use_foreign_ring, &ring), 0);
    pthread_join(thread, &rc);
    assert_int_equal((intptr_t)rc, -EEXIST);
    rv_ring_destroy(&ring);
}

/* Goal: a child gets neither the memory nor, after exec, the descriptor of a ring.
 * Method: the child touches the map and must die of it. */
static void test_ring_is_not_inherited(void **state)
{
    (void)state;
    if (is_refused()) {
        skip();
    }
    struct rv_ring ring;
    assert_int_equal(rv_ring_create(&ring, 8, 16), 0);
    assert_int_equal(rv_ring_enable(&ring), 0);
    assert_int_equal(fcntl(ring.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGSEGV, SIG_DFL);
        _exit((int)rv_ring_unsent(&ring));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    rv_ring_destroy(&ring);
}

/* Goal: the kernel's "no" is an error code and leaves nothing open. */
static void test_ring_refused_create_leaves_nothing(void **state)
{
    (void)state;
    struct rv_test_usage before;
    rv_test_usage_read(&before);
    struct rv_ring ring;
    assert_true(rv_ring_create(&ring, 0, 0) < 0);
    assert_int_equal(ring.fd, -1);
    rv_test_usage_check(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_nops_complete_in_order),
        cmocka_unit_test(test_ring_full_gives_null),
        cmocka_unit_test(test_ring_overflow_loses_nothing),
        cmocka_unit_test(test_ring_wait_times_out),
        cmocka_unit_test(test_ring_other_thread_is_refused),
        cmocka_unit_test(test_ring_is_not_inherited),
        cmocka_unit_test(test_ring_refused_create_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

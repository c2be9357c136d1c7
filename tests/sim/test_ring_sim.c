// SPDX-License-Identifier: MIT
/*
 * Purpose: io/ring_sim.c: the simulated kernel's rings: each entry comes back once, late and out of
 *          order as it likes; buffers are the kernel's until then; and what must not be is said.
 */
#include "io/ring_sim.h"

#include "io/ring.h"
#include "machine.h"

#include <errno.h>
#include <poll.h>

enum { SEEDS = 200, ENTRIES = 100 };

static unsigned seen[ENTRIES];
static int results[ENTRIES];

static bool has_more; /* the last completion's request goes on */

/* Takes what is there; how many. user_data is an index. */
static unsigned reap(struct rv_ring *ring)
{
    uint32_t head = rv_ring_cq_head(ring);
    unsigned n = 0;
    for (; head != rv_ring_cq_tail(ring); head++, n++) {
        const struct io_uring_cqe *cqe = rv_ring_cqe(ring, head);
        RV_SEE(cqe->user_data < ENTRIES);
        seen[cqe->user_data % ENTRIES]++;
        results[cqe->user_data % ENTRIES] = cqe->res;
        has_more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    }
    rv_ring_cq_advance(ring, head);
    return n;
}

/* An entry, if need be after an enter; zeroed. */
static struct io_uring_sqe *next_entry(struct rv_ring *ring, unsigned opcode, int fd, uint64_t data)
{
    struct io_uring_sqe *sqe;
    while ((sqe = rv_ring_next(ring)) == NULL)
        (void)rv_ring_enter(ring);
    sqe->opcode = (uint8_t)opcode;
    sqe->fd = fd;
    sqe->user_data = data;
    return sqe;
}

static void open_ring(struct rv_ring *ring, unsigned sq, unsigned cq)
{
    memset(seen, 0, sizeof seen);
    RV_SEE(rv_ring_probe() == 0);
    RV_SEE(rv_ring_create(ring, sq, cq) == 0 && rv_ring_enable(ring) == 0);
    RV_SEE(ring->sq_entries >= 2 && ring->sq_entries <= sq);
}

static void wait_for(struct rv_ring *ring, unsigned *got, unsigned n)
{
    while (*got < n) {
        (void)rv_ring_enter_wait(ring, -1);
        *got += reap(ring);
    }
}

/* Goal: every entry completes exactly once, through tiny rings, overflow and refused enters. */
static void check_each_once(void *ctx)
{
    struct rv_ring ring;
    unsigned got = 0;
    (void)ctx;
    open_ring(&ring, 256, 4096);
    for (unsigned i = 0; i < ENTRIES; i++) {
        (void)next_entry(&ring, IORING_OP_NOP, -1, i);
        rv_ring_push(&ring);
    }
    wait_for(&ring, &got, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++)
        RV_SEE(seen[i] == 1 && results[i] == 0);
    RV_SEE(rv_ring_unsent(&ring) == 0 && !rv_ring_has_completions(&ring));
    rv_ring_destroy(&ring);
    RV_SEE(ring.fd == -1);
    rv_ring_destroy(&ring); /* there is none any more */
}

static void test_ring_sim_each_entry_once(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_each_once, NULL);
    rv_machine_run(SEEDS, true, check_each_once, NULL);
}

/* Goal: waits end in time, timeouts fire not before theirs, an update moves one. */
static void check_timers(void *ctx)
{
    struct rv_ring ring;
    unsigned got = 0;
    (void)ctx;
    open_ring(&ring, 8, 64);
    int64_t until = rv_sim_now() + 500000;
    RV_SEE(rv_ring_enter_wait(&ring, 500000) == -ETIME);
    RV_SEE(rv_sim_now() >= until);
    until = rv_sim_now() + 3000000;
    struct __kernel_timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    next_entry(&ring, IORING_OP_TIMEOUT, -1, 1)->addr = (uintptr_t)&ts;
    rv_ring_push(&ring);
    wait_for(&ring, &got, 1);
    RV_SEE(seen[1] == 1 && results[1] == -ETIME && rv_sim_now() >= until);
    until = rv_sim_now() + INT64_C(3600000000000);
    ts = (struct __kernel_timespec){.tv_sec = until / 1000000000};
    next_entry(&ring, IORING_OP_TIMEOUT, -1, 2)->addr = (uintptr_t)&ts;
    rv_ring_push(&ring);
    while (rv_ring_enter(&ring) != 0 || rv_ring_unsent(&ring) != 0) {
    }
    int64_t sooner = rv_sim_now() + 1000000;
    struct __kernel_timespec soon = {.tv_sec = sooner / 1000000000,
                                     .tv_nsec = sooner % 1000000000};
    struct io_uring_sqe *sqe = next_entry(&ring, IORING_OP_TIMEOUT_REMOVE, -1, 3);
    sqe->addr = 2;
    sqe->addr2 = (uintptr_t)&soon;
    rv_ring_push(&ring);
    wait_for(&ring, &got, 3);
    RV_SEE(results[3] == 0 && results[2] == -ETIME);
    RV_SEE(rv_sim_now() >= sooner && rv_sim_now() < until);
    rv_ring_destroy(&ring);
}

static void test_ring_sim_timers(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_timers, NULL);
}

/* Goal: a buffer is the kernel's from the submission to the completion, and not a moment longer;
 * a cancel ends what waits, and finds nothing afterwards. */
static void check_ownership(void *ctx)
{
    struct rv_ring ring;
    int fds[2];
    char buffer[32];
    unsigned got = 0;
    (void)ctx;
    open_ring(&ring, 8, 64);
    RV_SEE(rv_sim_file_open_pipe(fds) == 0);
    for (int round = 0; round < 2; round++) {
        RV_SEE(!rv_ring_sim_owns(buffer, sizeof buffer));
        struct io_uring_sqe *sqe = next_entry(&ring, IORING_OP_READ, fds[0], 5);
        sqe->addr = (uintptr_t)(buffer + 8);
        sqe->len = 8;
        rv_ring_push(&ring);
        while (rv_ring_enter(&ring) != 0 || rv_ring_unsent(&ring) != 0) {
        }
        RV_SEE(rv_ring_sim_owns(buffer, 9) && rv_ring_sim_owns(buffer + 15, 1));
        RV_SEE(!rv_ring_sim_owns(buffer, 8) && !rv_ring_sim_owns(buffer + 16, 16));
        if (round == 0) {
            rv_sim_kernel_enter();
            RV_SEE(rv_sim_file_write(rv_sim_file_get(fds[1]), "p", 1) == 1);
            rv_sim_kernel_leave();
        } else {
            next_entry(&ring, IORING_OP_ASYNC_CANCEL, -1, 6)->addr = 5;
            rv_ring_push(&ring);
        }
        wait_for(&ring, &got, round == 0 ? 1 : 3);
        RV_SEE(results[5] == (round == 0 ? 1 : -ECANCELED));
        RV_SEE(round == 0 || results[6] == 0);
    }
    RV_SEE(seen[5] == 2 && !rv_ring_sim_owns(buffer, sizeof buffer));
    next_entry(&ring, IORING_OP_ASYNC_CANCEL, -1, 7)->addr = 5;
    rv_ring_push(&ring);
    wait_for(&ring, &got, 4);
    RV_SEE(results[7] == -ENOENT);
    rv_ring_destroy(&ring);
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_close(fds[0]) == 0 && rv_sim_file_close(fds[1]) == 0);
    rv_sim_kernel_leave();
}

static void test_ring_sim_buffers_are_the_kernels(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_ownership, NULL);
}

/* Goal: silent successes stay silent, failures do not; the alarm rings only while it is on. */
static void check_quiet(void *ctx)
{
    struct rv_ring ring;
    unsigned got = 0;
    uint64_t count;
    (void)ctx;
    open_ring(&ring, 8, 64);
    rv_sim_kernel_enter();
    int event = rv_sim_file_open_event(0, true);
    rv_sim_kernel_leave();
    RV_SEE(rv_ring_set_event(&ring, event) == 0 && !rv_ring_has_alarm(&ring));
    for (int is_on = 0; is_on < 2; is_on++) {
        rv_ring_set_alarm(&ring, is_on);
        next_entry(&ring, IORING_OP_NOP, -1, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
        rv_ring_push(&ring);
        struct io_uring_sqe *sqe = next_entry(&ring, IORING_OP_ASYNC_CANCEL, -1, 2);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        sqe->addr = 99;
        rv_ring_push(&ring);
        (void)next_entry(&ring, IORING_OP_NOP, -1, 3);
        rv_ring_push(&ring);
        wait_for(&ring, &got, 2 * (unsigned)is_on + 2);
        rv_sim_kernel_enter();
        ssize_t n = rv_sim_file_read(rv_sim_file_get(event), &count, sizeof count, false);
        rv_sim_kernel_leave();
        RV_SEE(n == (is_on ? (ssize_t)sizeof count : -EAGAIN));
    }
    RV_SEE(seen[1] == 0 && seen[2] == 2 && results[2] == -ENOENT && seen[3] == 2);
    rv_ring_destroy(&ring);
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_close(event) == 0);
    rv_sim_kernel_leave();
}

static void test_ring_sim_silence_and_alarm(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_quiet, NULL);
}

/* Goal: a poll with many results tells of every write, then of none until the next; once it has
 * ended it is made again, and tells of what is there. */
static void check_polls(void *ctx)
{
    struct rv_ring ring;
    uint64_t one = 1;
    unsigned got = 0;
    (void)ctx;
    has_more = false;
    open_ring(&ring, 8, 16);
    rv_sim_kernel_enter();
    int fd = rv_sim_file_open_event(0, false);
    rv_sim_kernel_leave();
    for (int i = 0; i < 10; i++) {
        rv_sim_kernel_enter();
        RV_SEE(rv_sim_file_write(rv_sim_file_get(fd), &one, sizeof one) == sizeof one);
        rv_sim_kernel_leave();
        if (!has_more) {
            struct io_uring_sqe *sqe = next_entry(&ring, IORING_OP_POLL_ADD, fd, 1);
            sqe->poll32_events = POLLIN;
            sqe->len = IORING_POLL_ADD_MULTI;
            rv_ring_push(&ring);
        }
        wait_for(&ring, &got, got + 1);
        RV_SEE(results[1] == POLLIN);
        while (has_more && rv_ring_enter_wait(&ring, 1000000) == 0 && reap(&ring) > 0) {
            got++; /* a write it was told of while it looked: twice at most */
            RV_SEE(got <= 2 * (unsigned)(i + 1));
        }
    }
    rv_ring_destroy(&ring);
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_close(fd) == 0);
    rv_sim_kernel_leave();
}

static void test_ring_sim_polls_go_on(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_polls, NULL);
    rv_machine_run(SEEDS, true, check_polls, NULL);
}

static void end_with_a_read(void *ctx)
{
    static char buffer[8];
    struct rv_ring ring;
    (void)ctx;
    open_ring(&ring, 8, 64);
    rv_sim_kernel_enter();
    int event = rv_sim_file_open_event(0, false);
    rv_sim_kernel_leave();
    struct io_uring_sqe *sqe = next_entry(&ring, IORING_OP_READ, event, 1);
    sqe->addr = (uintptr_t)buffer;
    sqe->len = sizeof buffer;
    rv_ring_push(&ring);
    (void)rv_ring_enter(&ring);
    rv_ring_destroy(&ring);
}

/* Goal: a ring that goes while an operation may still write to memory ends the run with why. */
static void test_ring_sim_end_with_a_buffer_is_an_error(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rv_sim_outcome outcome = rv_machine_try(seed, false, end_with_a_read, NULL);
        assert_int_equal(outcome.error, -EPROTO);
        assert_non_null(strstr(outcome.text, "has a buffer"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_sim_each_entry_once),
        cmocka_unit_test(test_ring_sim_timers),
        cmocka_unit_test(test_ring_sim_buffers_are_the_kernels),
        cmocka_unit_test(test_ring_sim_silence_and_alarm),
        cmocka_unit_test(test_ring_sim_polls_go_on),
        cmocka_unit_test(test_ring_sim_end_with_a_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/uring_close.c: when rove_close returns, no ring has anything left to do for it.
 * Idea:    each ring's entries are counted when the kernel has taken them, and those of a close
 *          are held back for a while, to give the closer the time to be too early.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/clock.h"
#include "io/reactor.h"
#include "io/ring.h"
#include "sched/current.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_NS = 1000000, ROUNDS = 5 };

int __real_rv_ring_enter(struct rv_ring *ring);
int __wrap_rv_ring_enter(struct rv_ring *ring);

static RV_ATOMIC(uint32_t) is_closing; /* a closer has not returned yet */
static RV_ATOMIC(uint32_t) taken;      /* entries of closes */

static uint32_t count_ends(const struct rv_ring *ring)
{
    uint32_t tail = rv_load_relaxed(ring->sq_tail);
    uint32_t count = 0;
    for (uint32_t at = rv_load_relaxed(ring->sq_head); at != tail; at++) {
        const struct io_uring_sqe *sqe = &ring->sqes[at & ring->sq_mask];
        count += sqe->opcode == IORING_OP_ASYNC_CANCEL &&
                 (sqe->cancel_flags & IORING_ASYNC_CANCEL_FD) != 0;
    }
    return count;
}

int __wrap_rv_ring_enter(struct rv_ring *ring)
{
    uint32_t ends = count_ends(ring);
    int64_t until_ns = rv_clock_now() + (ends > 0 ? PATIENCE_NS : 0);
    while (ends > 0 && rv_load_acquire(&is_closing) != 0 && rv_clock_now() < until_ns) {
        sched_yield();
    }
    int rc = __real_rv_ring_enter(ring);
    (void)rv_fetch_add_relaxed(&taken, ends - count_ends(ring));
    return rc;
}

static int read_one(void *arg, RV_UNUSED void **result)
{
    const int *fd = arg;
    char byte;
    return (int)rove_read(*fd, &byte, 1);
}

static bool is_in_use(int fd)
{
    struct rove_runtime *runtime = rv_current_task()->runtime;
    const struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(runtime)->fds, fd);
    return slot != NULL && rv_fd_close_pending(slot) != 0;
}

/* How many rings a close goes round. */
static uint32_t count_rings(void)
{
    const struct rove_runtime *runtime = rv_current_task()->runtime;
    return strcmp(runtime->poller->name, "io_uring") == 0 ? runtime->worker_count : 0;
}

/* Goal: each ring has done its part of a close before the close returns. */
RV_TASK_TEST(test_uring_close_returns_when_all_rings_have_done_it)
{
    for (int i = 0; i < ROUNDS; i++) {
        int fds[2];
        char byte;
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
        RV_REQUIRE_EQ(rove_read(fds[0], &byte, 1), 1); /* later uses are no looks at its type */
        rove_task *t = rove_create_task(read_one, &fds[0]);
        RV_REQUIRE(t != NULL);
        while (!is_in_use(fds[0])) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        rv_store_relaxed(&taken, 0);
        rv_store_release(&is_closing, 1u);
        int rc = rove_close(fds[0]);
        uint32_t done = rv_load_relaxed(&taken);
        rv_store_release(&is_closing, 0u);
        RV_EXPECT_EQ(rc, 0);
        RV_EXPECT(done >= count_rings());
        RV_EXPECT_EQ(rove_join(t, NULL), -EBADF);
        RV_EXPECT_EQ(close(fds[1]), 0);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uring_close_returns_when_all_rings_have_done_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

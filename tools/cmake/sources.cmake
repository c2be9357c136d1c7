# SPDX-License-Identifier: MIT
# Every source of the library, one a line, sorted: a file that is not here is not built.

set(ROVE_CORE_SOURCES
    core/atomic.c
    core/bias.c
    core/check.c
    core/clock.c
    core/context.c
    core/deque.c
    core/error.c
    core/heap.c
    core/inbox.c
    core/lock.c
    core/os.c
    core/os_cpu.c
    core/park.c
    core/runq.c
    core/stack.c
    core/stack_slab.c
)

set(ROVE_SCHED_SOURCES
)

set(ROVE_IO_SOURCES
    io/address.c
    io/attempt.c
    io/epoll.c
    io/fdtab.c
    io/file.c
    io/listen.c
    io/op.c
    io/poll.c
    io/poller.c
    io/reactor.c
    io/ring.c
    io/socket.c
    io/splice.c
    io/sqe.c
    io/uring.c
)

set(ROVE_TEST_SUPPORT_SOURCES
    tests/support/fixture.c
)

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/reactor.h: both back-ends keep the whole contract, and what they share is given back.
 */
#include "io/reactor.h"

#include "sched/current.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Goal: no function that the scheduler or io/ may call is missing in either back-end. */
static void test_reactor_contract_is_complete(void **state)
{
    static const struct rv_reactor *const reactors[] = {&rv_uring_reactor, &rv_epoll_reactor};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(reactors); i++) {
        const struct rv_reactor *r = reactors[i];
        assert_non_null(r->poller.name);
        assert_true(r->poller.runtime_start && r->poller.runtime_stop);
        assert_true(r->poller.worker_start && r->poller.worker_stop);
        assert_true(r->poller.poll && r->poller.sleep && r->poller.wake);
        assert_true(r->poller.needs_poll && r->poller.flush && r->poller.rescue);
        assert_true(r->run && r->end_waits && r->kicked);
        struct rove_runtime runtime = {.poller = &r->poller};
        assert_ptr_equal(rv_reactor_of(&runtime), r);
    }
}

/* Goal: a runtime leads to its reactor and to what io/ keeps for it. */
RV_TASK_TEST(test_reactor_is_found_from_its_runtime)
{
    struct rove_runtime *runtime = rv_current_task()->runtime;
    const struct rv_reactor *r = rv_reactor_of(runtime);
    RV_EXPECT(r == &rv_uring_reactor || r == &rv_epoll_reactor);
    RV_EXPECT_PTR(&r->poller, runtime->poller);
    int error = 0;
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(runtime)->fds, STDERR_FILENO, &error);
    RV_EXPECT(slot != NULL);
    RV_EXPECT_PTR(rv_fdtab_find(&rv_io_of(runtime)->fds, STDERR_FILENO), slot);
    return 0;
}

/* Goal: pipes that were kept for the next sendfile are closed with the rest. */
static void test_reactor_kept_pipes_are_closed(void **state)
{
    struct rv_test_usage before;
    static struct rv_io io;
    (void)state;
    rv_test_usage_read(&before);
    assert_int_equal(rv_io_init(&io, 4), 0);
    for (io.pipe_count = 0; io.pipe_count < RV_IO_PIPES; io.pipe_count++)
        assert_int_equal(pipe2(io.pipes[io.pipe_count], O_CLOEXEC), 0);
    rv_io_fini(&io);
    assert_int_equal(io.pipe_count, 0);
    rv_test_usage_check(&before);
}

/* Goal: without memory the start fails, and the end has nothing to trip over. */
static void test_reactor_init_without_memory(void **state)
{
    int rc = -ENOMEM;
    (void)state;
    for (int k = 0; rc != 0 && k < 10; k++) {
        struct rv_io io;
        memset(&io, 0, sizeof io);
        rv_scarce_after(k);
        rc = rv_io_init(&io, 4);
        rv_scarce_end();
        assert_true(rc == 0 || rc == -ENOMEM);
        rv_io_fini(&io);
    }
    assert_int_equal(rc, 0);
}

static bool is_sigpipe_pending(void)
{
    sigset_t set;
    assert_int_equal(sigpending(&set), 0);
    return sigismember(&set, SIGPIPE) == 1;
}

static void *forget_sigpipe(void *arg)
{
    static struct rv_io io;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)pthread_kill(pthread_self(), SIGPIPE);
    rv_store_relaxed(&io.had_epipe, 0u);
    rv_io_forget_sigpipe(&io);
    RV_EXPECT(is_sigpipe_pending()); /* not ours: nobody wrote in vain */
    rv_store_relaxed(&io.had_epipe, 1u);
    rv_io_forget_sigpipe(&io);
    RV_EXPECT(!is_sigpipe_pending());
    rv_io_forget_sigpipe(&io); /* none is there: it does not wait for one */
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* nothing left to die of */
    return arg;
}

/* Goal: the SIGPIPE that a write left pending is taken away, another's stays. */
static void test_reactor_forgets_only_its_own_sigpipe(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, forget_sigpipe, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reactor_contract_is_complete),
        cmocka_unit_test(test_reactor_is_found_from_its_runtime),
        cmocka_unit_test(test_reactor_kept_pipes_are_closed),
        cmocka_unit_test(test_reactor_init_without_memory),
        cmocka_unit_test(test_reactor_forgets_only_its_own_sigpipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

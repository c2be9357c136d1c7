// SPDX-License-Identifier: MIT
/*
 * Purpose: signals that the program handles break no call, and peers that are gone raise none.
 *
 * Method: handlers without SA_RESTART, a timer that fires all the time, and a thread that sends to
 * every thread of the process, while tasks read, write, open, connect, sleep and start programs.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static RV_ATOMIC(uint32_t) caught, is_over;

static void on_signal(int signal_number)
{
    (void)signal_number;
    rv_fetch_add_relaxed(&caught, 1);
}

static void *send_to_all(RV_UNUSED void *arg)
{
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (rv_load_relaxed(&is_over) == 0) {
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            long tid = strtol(entry->d_name, NULL, 10);
            if (tid > 0) {
                (void)syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
            }
        }
        if (dir != NULL) {
            closedir(dir);
        }
    }
    return NULL;
}

static int answer(void *arg, RV_UNUSED void **result)
{
    int fd = (int)(intptr_t)arg;
    char b;
    ssize_t n;
    while ((n = rove_read(fd, &b, 1)) > 0) {
        RV_REQUIRE_EQ(rove_write(fd, &b, 1), 1);
    }
    RV_EXPECT_EQ(n, 0);
    return rove_close(fd);
}

static int block_a_little(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return poll(NULL, 0, 1) == 0 ? 0 : -errno;
}

static int start_program(void)
{
    char *argv[] = {"true", NULL};
    rove_process *p = NULL;
    rove_process_options options = {.argv = argv, .in = ROVE_NULL};
    RV_REQUIRE_EQ(rove_process_start(&options, &p), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    return 0;
}

static int do_all(void)
{
    int fds[2];
    char b = 'b';
    int file = rove_open("/proc/self/exe", O_RDONLY, 0);
    RV_REQUIRE(file >= 0);
    RV_EXPECT_EQ(rove_pread(file, &b, 1, 0), 1);
    RV_EXPECT_EQ(rove_close(file), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rove_task *t = rove_create_task(answer, (void *)(intptr_t)fds[1]);
    RV_REQUIRE(t != NULL);
    for (int i = 0; i < 50; i++) {
        RV_REQUIRE_EQ(rove_send(fds[0], &b, 1, 0), 1);
        RV_REQUIRE_EQ(rove_poll(fds[0], POLLIN, ROVE_FOREVER), POLLIN);
        RV_REQUIRE_EQ(rove_recv(fds[0], &b, 1, 0), 1);
    }
    RV_EXPECT_EQ(rove_shutdown(fds[0], SHUT_WR), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_sleep(ROVE_US(300)), 0);
    RV_EXPECT_EQ(rove_to_thread(block_a_little, NULL, NULL), 0);
    int server = rove_listen("127.0.0.1:0", 0);
    RV_REQUIRE(server >= 0);
    RV_EXPECT_EQ(rove_poll(server, POLLIN, ROVE_US(200)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_close(server), 0);
    return start_program();
}

static int do_all_often(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < 5; i++) {
        RV_REQUIRE_EQ(do_all(), 0);
    }
    return 0;
}

/* Goal: no call ends early, none says -EINTR; the program's handlers do run. */
static void test_unbroken_by_signals_of_the_program(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval often = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200};
    struct itimerval never = {0};
    pthread_t sender;
    (void)state;
    rv_store_relaxed(&is_over, 0);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(pthread_create(&sender, NULL, send_to_all, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        rove_options options = {.workers = workers};
        assert_int_equal(rove_run_with(&options, do_all_often, NULL, NULL), 0);
        rv_test_settle();
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    rv_store_relaxed(&is_over, 1);
    assert_int_equal(pthread_join(sender, NULL), 0);
    assert_true(rv_load_relaxed(&caught) > 0);
    (void)signal(SIGUSR1, SIG_DFL);
    (void)signal(SIGALRM, SIG_DFL);
}

/* Both ends of a socket or pipe, the reading one closed: what is sent now raises SIGPIPE. */
static int write_end(bool is_socket)
{
    int fds[2];
    int rc = is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
                       : pipe2(fds, O_CLOEXEC);
    RV_REQUIRE_EQ(rc, 0);
    RV_REQUIRE_EQ(rove_close(fds[0]), 0);
    return fds[1];
}

static int write_in_all_ways(bool is_socket)
{
    int fds[2];
    struct iovec v = {"abc", 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int fd = write_end(is_socket);
    RV_EXPECT_EQ(rove_write(fd, "a", 1), -EPIPE);
    RV_EXPECT_EQ(rove_writev(fd, &v, 1), -EPIPE);
    RV_EXPECT_EQ(rove_write_all(fd, "abc", 3), -EPIPE);
    if (is_socket) {
        RV_EXPECT_EQ(rove_send(fd, "a", 1, 0), -EPIPE);
        RV_EXPECT_EQ(rove_sendmsg(fd, &m, 0), -EPIPE);
    }
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_splice(fds[0], NULL, fd, NULL, 1), -EPIPE);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    int file = rove_open("/proc/self/exe", O_RDONLY, 0);
    RV_EXPECT_EQ(rove_sendfile(fd, file, NULL, 100), -EPIPE);
    RV_EXPECT_EQ(lseek(file, 0, SEEK_CUR), 0);
    RV_EXPECT_EQ(rove_close(file), 0);
    rove_stream *s = rove_stream_open(fd);
    RV_REQUIRE(s != NULL);
    RV_EXPECT_EQ(rove_stream_write(s, "a", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(s), -EPIPE);
    RV_EXPECT_EQ(rove_stream_close(s), -EPIPE);
    return 0;
}

static int write_to_the_gone(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(write_in_all_ways(true), 0);
    return write_in_all_ways(false);
}

/* Goal: a peer that is gone is an error code in each call, never a signal, also not one that waits
 * for the thread which lent itself to the runtime. */
static void test_unbroken_by_peers_that_are_gone(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)state;
    rv_store_relaxed(&caught, 0);
    assert_int_equal(sigaction(SIGPIPE, &action, NULL), 0);
    rv_test_run(write_to_the_gone, NULL);
    assert_int_equal(rv_load_relaxed(&caught), 0);
    (void)signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unbroken_by_signals_of_the_program),
        cmocka_unit_test(test_unbroken_by_peers_that_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/file: files, pipes, names, and closing under somebody who waits.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A name in a fresh directory, both removed by leave(). */
static void enter(char dir[32], char path[48])
{
    strcpy(dir, "/tmp/rove-file-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        abort();
    }
    snprintf(path, 48, "%s/name", dir);
}

static int leave(const char *dir, const char *path)
{
    int rc = rove_unlink(path);
    RV_EXPECT(rc == 0 || rc == -ENOENT);
    return rmdir(dir) == 0 ? 0 : -errno;
}

static void test_file_outside_a_task_is_refused(void **state)
{
    (void)state;
    char b;
    assert_int_equal(rove_read(0, &b, 1), -EPERM);
    assert_int_equal(rove_write(0, &b, 1), -EPERM);
    assert_int_equal(rove_open("/", O_RDONLY, 0), -EPERM);
    assert_int_equal(rove_close(0), -EPERM);
    assert_int_equal(rove_fsync(0), -EPERM);
    assert_int_equal(rove_read_all(0, &b, 1), -EPERM);
    assert_int_equal(rove_unlink("/nowhere"), -EPERM);
}

RV_TASK_TEST(test_file_bad_arguments_are_refused)
{
    char b;
    struct statx st;
    RV_EXPECT_EQ(rove_read(-1, &b, 1), -EBADF);
    RV_EXPECT_EQ(rove_write(100000, &b, 1), -EBADF);
    RV_EXPECT_EQ(rove_read(20000000, &b, 1), -EBADF);
    RV_EXPECT_EQ(rove_close(-1), -EBADF);
    RV_EXPECT_EQ(rove_close(100000), -EBADF);
    RV_EXPECT_EQ(rove_pread(0, &b, 1, -1), -EINVAL);
    RV_EXPECT_EQ(rove_pwrite(0, &b, 1, -1), -EINVAL);
    RV_EXPECT_EQ(rove_readv(0, NULL, -1), -EINVAL);
    RV_EXPECT_EQ(rove_writev(0, NULL, 100000), -EINVAL);
    RV_EXPECT_EQ(rove_open(NULL, O_RDONLY, 0), -EFAULT);
    RV_EXPECT_EQ(rove_open("/no/such/file", O_RDONLY, 0), -ENOENT);
    RV_EXPECT_EQ(rove_unlink("/no/such/file"), -ENOENT);
    RV_EXPECT_EQ(rove_rename("/no/such/file", "/tmp/x"), -ENOENT);
    RV_EXPECT_EQ(rove_mkdir("/tmp", 0700), -EEXIST);
    RV_EXPECT_EQ(rove_statx(AT_FDCWD, "/no/such/file", 0, STATX_SIZE, &st), -ENOENT);
    RV_EXPECT_EQ(rove_statx(AT_FDCWD, "/", 0, STATX_SIZE, NULL), -EFAULT);
    RV_EXPECT_EQ(rove_fsync(100000), -EBADF);
    return 0;
}

RV_TASK_TEST(test_file_write_read_and_positions)
{
    char dir[32], path[48], buf[16] = {0};
    enter(dir, path);
    int fd = rove_open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(rove_write(fd, "hello ", 6), 6);
    RV_EXPECT_EQ(rove_write(fd, "world", 5), 5);
    RV_EXPECT_EQ(rove_pwrite(fd, "W", 1, 6), 1);
    RV_EXPECT_EQ(rove_pread(fd, buf, 5, 6), 5);
    RV_EXPECT(memcmp(buf, "World", 5) == 0);
    RV_EXPECT_EQ(rove_read(fd, buf, 1), 0);
    RV_EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    char a[4], b[16];
    struct iovec v[2] = {{.iov_base = a, .iov_len = 4}, {.iov_base = b, .iov_len = 16}};
    RV_EXPECT_EQ(rove_readv(fd, v, 2), 11);
    RV_EXPECT(memcmp(a, "hell", 4) == 0);
    RV_EXPECT(memcmp(b, "o World", 7) == 0);
    v[1].iov_len = 1;
    RV_EXPECT_EQ(rove_writev(fd, v, 2), 5);
    RV_EXPECT_EQ(rove_pread(fd, buf, 16, 11), 5);
    RV_EXPECT(memcmp(buf, "hello", 5) == 0);
    RV_EXPECT_EQ(rove_fsync(fd), 0);
    RV_EXPECT_EQ(rove_fdatasync(fd), 0);
    struct statx st;
    RV_EXPECT_EQ(rove_statx(AT_FDCWD, path, 0, STATX_SIZE | STATX_MODE, &st), 0);
    RV_EXPECT_EQ(st.stx_size, 16);
    RV_EXPECT_EQ(st.stx_mode & 0777, 0640);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return leave(dir, path);
}

RV_TASK_TEST(test_file_names_are_made_moved_removed)
{
    char dir[32], path[48], other[48];
    struct statx st;
    enter(dir, path);
    snprintf(other, sizeof(other), "%s/other", dir);
    RV_EXPECT_EQ(rove_mkdir(path, 0700), 0);
    RV_EXPECT_EQ(rove_statx(AT_FDCWD, path, 0, STATX_TYPE, &st), 0);
    RV_EXPECT((st.stx_mode & S_IFMT) == S_IFDIR);
    RV_EXPECT_EQ(rove_unlink(path), -EISDIR);
    RV_EXPECT_EQ(rove_rename(path, other), 0);
    RV_EXPECT_EQ(rove_statx(AT_FDCWD, path, 0, STATX_TYPE, &st), -ENOENT);
    RV_EXPECT_EQ(rmdir(other), 0);
    return leave(dir, path);
}

/* Goal: a file out of the page cache comes through the slow path, byte by byte the same. */
RV_TASK_TEST(test_file_uncached_read_is_exact)
{
    enum { BYTES = 300000 };
    char dir[32], path[48];
    static unsigned char out[BYTES], in[BYTES];
    enter(dir, path);
    for (unsigned i = 0; i < BYTES; i++) {
        out[i] = (unsigned char)(i * 31 + i / 253);
    }
    int fd = rove_open(path, O_RDWR | O_CREAT, 0600);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_write_all(fd, out, BYTES), BYTES);
    RV_EXPECT_EQ(rove_fsync(fd), 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    RV_EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    RV_EXPECT_EQ(rove_read_all(fd, in, BYTES), BYTES);
    RV_EXPECT(memcmp(in, out, BYTES) == 0);
    RV_EXPECT_EQ(rove_read_all(fd, in, 1), 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return leave(dir, path);
}

static int write_in_pieces(void *arg, RV_UNUSED void **result)
{
    int fd = (int)(intptr_t)arg;
    for (int i = 0; i < 5; i++) {
        RV_REQUIRE_EQ(rove_write(fd, "ab", 2), 2);
        rove_yield();
    }
    return rove_close(fd);
}

/* Goal: read_all joins the pieces and tells the end; for blocking and non-blocking pipes. */
RV_TASK_TEST(test_file_read_all_joins_pieces)
{
    for (int mode = 0; mode < 2; mode++) {
        int fds[2];
        char buf[32];
        RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC | (mode == 1 ? O_NONBLOCK : 0)), 0);
        rove_task *t = rove_create_task(write_in_pieces, (void *)(intptr_t)fds[1]);
        RV_EXPECT_EQ(rove_read_all(fds[0], buf, 7), 7);
        RV_EXPECT(memcmp(buf, "abababa", 7) == 0);
        RV_EXPECT_EQ(rove_read_all(fds[0], buf, sizeof(buf)), 3);
        RV_EXPECT_EQ(rove_read_all(fds[0], buf, sizeof(buf)), 0);
        RV_EXPECT_EQ(rove_read_all(fds[0], buf, 0), 0);
        RV_EXPECT_EQ(rove_await(t, NULL), 0);
        rove_release(t);
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
    }
    return 0;
}

static int fill(void *arg, RV_UNUSED void **result)
{
    enum { BYTES = 300000 };
    static char zeros[BYTES];
    return (int)rove_write_all((int)(intptr_t)arg, zeros, BYTES);
}

/* Goal: a full pipe in blocking mode suspends the writer, not the worker: the reader, on the only
 * worker there may be, gets everything. */
RV_TASK_TEST(test_file_full_pipe_does_not_block_the_worker)
{
    int fds[2];
    char buf[4096];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_task *t = rove_create_task(fill, (void *)(intptr_t)fds[1]);
    long total = 0;
    while (total < 300000) {
        ssize_t n = rove_read(fds[0], buf, sizeof(buf));
        RV_REQUIRE(n > 0);
        total += n;
    }
    RV_EXPECT_EQ(rove_await(t, NULL), 300000);
    rove_release(t);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

RV_TASK_TEST(test_file_eventfd_counts)
{
    uint64_t value = 7;
    int fd = eventfd(0, EFD_CLOEXEC);
    RV_EXPECT_EQ(rove_write(fd, &value, sizeof(value)), 8);
    value = 0;
    RV_EXPECT_EQ(rove_read(fd, &value, sizeof(value)), 8);
    RV_EXPECT_EQ(value, 7);
    return rove_close(fd);
}

RV_TASK_TEST(test_file_pipe_without_reader_is_epipe_and_no_signal)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_write(fds[1], "x", 1), -EPIPE);
    RV_EXPECT_EQ(rove_write_all(fds[1], "xyz", 3), -EPIPE);
    return rove_close(fds[1]);
}

RV_TASK_TEST(test_file_zero_lengths)
{
    int fds[2];
    char b;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_write(fds[1], &b, 0), 0);
    RV_EXPECT_EQ(rove_write_all(fds[1], &b, 0), 0);
    RV_EXPECT_EQ(rove_read_all(fds[0], &b, 0), 0);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

static int wait_to_read(void *arg, RV_UNUSED void **result)
{
    char buf[64];
    return (int)rove_read((int)(intptr_t)arg, buf, sizeof(buf));
}

static int wait_to_poll(void *arg, RV_UNUSED void **result)
{
    return rove_poll((int)(intptr_t)arg, 1, ROVE_FOREVER);
}

/* Goal: closing ends every wait with -EBADF, then the number is free and a fresh file under it
 * is untouched. Method: more waiters than workers, then the same number again with data in it. */
static int close_under(int sockets, rove_coro *wait)
{
    enum { WAITERS = 10 };
    int fds[2];
    rove_task *tasks[WAITERS];
    RV_REQUIRE_EQ(sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
                          : pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < WAITERS; i++) {
        tasks[i] = rove_create_task(wait, (void *)(intptr_t)fds[0]);
    }
    await_waiters(fds[0], WAITERS);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    int again = eventfd(1, EFD_CLOEXEC);
    RV_EXPECT_EQ(again, fds[0]);
    for (int i = 0; i < WAITERS; i++) {
        RV_EXPECT_EQ(rove_await(tasks[i], NULL), -EBADF);
        rove_release(tasks[i]);
    }
    uint64_t value = 0;
    RV_EXPECT_EQ(rove_read(again, &value, sizeof(value)), 8);
    RV_EXPECT_EQ(value, 1);
    RV_EXPECT_EQ(rove_close(again), 0);
    return rove_close(fds[1]);
}

RV_TASK_TEST(test_file_close_ends_the_waits_of_others)
{
    for (int i = 0; i < 20; i++) {
        int rc = close_under(i & 1, i & 2 ? wait_to_poll : wait_to_read);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int close_it(void *arg, RV_UNUSED void **result)
{
    return rove_close((int)(intptr_t)arg);
}

/* Goal: of two closers one succeeds, the other is told that it is too late. */
RV_TASK_TEST(test_file_two_closers_one_wins)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_task *reader = rove_create_task(wait_to_read, (void *)(intptr_t)fds[0]);
    await_waiters(fds[0], 1);
    rove_task *a = rove_create_task(close_it, (void *)(intptr_t)fds[0]);
    rove_task *b = rove_create_task(close_it, (void *)(intptr_t)fds[0]);
    int rc_a = rove_await(a, NULL);
    int rc_b = rove_await(b, NULL);
    RV_EXPECT_EQ(rc_a + rc_b, -EBADF);
    RV_EXPECT_EQ(rove_await(reader, NULL), -EBADF);
    rove_release(a);
    rove_release(b);
    rove_release(reader);
    return rove_close(fds[1]);
}

/* Goal: a cancelled closer still closes, and the cancellation comes at its next suspension. */
static int close_then_sleep(void *arg, RV_UNUSED void **result)
{
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_close((int)(intptr_t)arg), 0);
    return rove_sleep(ROVE_SEC(100));
}

RV_TASK_TEST(test_file_close_is_not_cut_short)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    rove_task *reader = rove_create_task(wait_to_read, (void *)(intptr_t)fds[0]);
    await_waiters(fds[0], 1);
    rove_task *closer = rove_create_task(close_then_sleep, (void *)(intptr_t)fds[0]);
    RV_EXPECT_EQ(rove_await(closer, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_await(reader, NULL), -EBADF);
    rove_release(closer);
    rove_release(reader);
    return rove_close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_outside_a_task_is_refused),
        cmocka_unit_test(test_file_bad_arguments_are_refused),
        cmocka_unit_test(test_file_write_read_and_positions),
        cmocka_unit_test(test_file_names_are_made_moved_removed),
        cmocka_unit_test(test_file_uncached_read_is_exact),
        cmocka_unit_test(test_file_read_all_joins_pieces),
        cmocka_unit_test(test_file_full_pipe_does_not_block_the_worker),
        cmocka_unit_test(test_file_eventfd_counts),
        cmocka_unit_test(test_file_pipe_without_reader_is_epipe_and_no_signal),
        cmocka_unit_test(test_file_zero_lengths),
        cmocka_unit_test(test_file_close_ends_the_waits_of_others),
        cmocka_unit_test(test_file_two_closers_one_wins),
        cmocka_unit_test(test_file_close_is_not_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

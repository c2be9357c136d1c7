// SPDX-License-Identifier: MIT
/*
 * Purpose: io/cursor: the position of a descriptor, which all have in common who use it; terminals.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { TASKS = 16, RECORDS = 60, RECORD = 512, LIMIT = 10000, MUCH = 18000, TYPED = 50000 };

static RV_ATOMIC(uint32_t) typed_count;

/* On a disk, or wherever /tmp is; its name is gone already. */
static int make_file(void)
{
    char path[] = "/tmp/rove-cursor-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || unlink(path) < 0) {
        abort();
    }
    return fd;
}

struct part {
    int fd;
    char letter;
    bool is_vector;
    size_t bytes;
};

static int write_records(void *arg, RV_UNUSED void **result)
{
    const struct part *part = arg;
    char record[RECORD];
    memset(record, part->letter, sizeof(record));
    struct iovec v[2] = {{record, 100}, {record + 100, RECORD - 100}};
    for (int i = 0; i < RECORDS; i++) {
        RV_EXPECT_EQ(part->is_vector ? rove_writev(part->fd, v, 2)
                                     : rove_write(part->fd, record, RECORD), RECORD);
    }
    return 0;
}

static int read_records(void *arg, RV_UNUSED void **result)
{
    struct part *part = arg;
    char record[RECORD];
    ssize_t n;
    while ((n = rove_read(part->fd, record, RECORD)) > 0) {
        RV_EXPECT_EQ(n, RECORD);
        RV_EXPECT(memcmp(record, record + 1, RECORD - 1) == 0);
        part->bytes += (size_t)n;
    }
    RV_EXPECT_EQ(n, 0);
    return 0;
}

static void run_parts(struct part parts[], rove_coro *fn)
{
    rove_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = rove_create_task(fn, &parts[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
}

/* Goal: tasks that share a file get places of their own: no record is lost, none is read twice,
 * also through another descriptor of the same file and when nothing of it is in memory. */
RV_TASK_TEST(test_cursor_shared_file_loses_nothing)
{
    struct part parts[TASKS] = {{0}};
    struct stat st;
    int fd = make_file();
    int other = dup(fd);
    for (int i = 0; i < TASKS; i++) {
        parts[i].fd = i % 2 == 0 ? fd : other;
        parts[i].letter = (char)('a' + i);
        parts[i].is_vector = i % 3 == 0;
    }
    run_parts(parts, write_records);
    RV_EXPECT_EQ(fstat(fd, &st), 0);
    RV_EXPECT_EQ(st.st_size, TASKS * RECORDS * RECORD);
    RV_EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    RV_EXPECT_EQ(rove_fsync(fd), 0);
    RV_EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    run_parts(parts, read_records);
    size_t total = 0;
    for (int i = 0; i < TASKS; i++) {
        total += parts[i].bytes;
    }
    RV_EXPECT_EQ(total, TASKS * RECORDS * RECORD);
    RV_EXPECT_EQ(rove_close(other), 0);
    return rove_close(fd);
}

static ssize_t write_much(int fd, const char *much, int how)
{
    struct iovec v[2] = {{(void *)(uintptr_t)much, MUCH / 2}, {(void *)(uintptr_t)much, MUCH / 2}};
    return how == 0   ? rove_write(fd, much, MUCH)
           : how == 1 ? rove_writev(fd, v, 2)
                      : rove_write_all(fd, much, MUCH);
}

/* Goal: a write whose rest does not fit says what was written, and the position is behind it. */
RV_TASK_TEST(test_cursor_is_behind_what_a_full_disk_took)
{
    static char much[MUCH];
    struct rlimit before;
    RV_REQUIRE_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int how = 0; how < 3; how++) {
        int fd = make_file();
        RV_EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        RV_EXPECT_EQ(write_much(fd, much, how), LIMIT);
        RV_EXPECT_EQ(lseek(fd, 0, SEEK_CUR), LIMIT);
        RV_EXPECT_EQ(write_much(fd, much, how), -EFBIG);
        RV_EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    (void)signal(SIGXFSZ, handler);
    return 0;
}

static int write_one(void *arg, RV_UNUSED void **result)
{
    return (int)rove_write((int)(intptr_t)arg, "x", 1);
}

/* Goal: what a number stood for before is forgotten, though close(2) told nobody: a full pipe is
 * waited for, a file has its position. */
RV_TASK_TEST(test_cursor_numbers_that_stand_for_something_else)
{
    int p[2];
    char full[4096] = {0};
    int fd = make_file();
    RV_EXPECT_EQ(rove_write(fd, "ab", 2), 2);
    RV_REQUIRE_EQ(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(p[1], full, sizeof(full)) > 0) {
    }
    RV_EXPECT_EQ(dup3(p[1], fd, O_CLOEXEC), fd);
    rove_task *writer = rove_create_task(write_one, (void *)(intptr_t)fd);
    await_waiters(fd, 1);
    RV_EXPECT_EQ(rove_read(p[0], full, sizeof(full)), sizeof(full));
    RV_EXPECT_EQ(rove_join(writer, NULL), 1);
    int file = make_file();
    RV_EXPECT_EQ(dup3(file, fd, O_CLOEXEC), fd);
    RV_EXPECT_EQ(rove_write(fd, "ab", 2), 2);
    RV_EXPECT_EQ(rove_write(fd, "cd", 2), 2);
    RV_EXPECT_EQ(rove_pread(fd, full, 8, 0), 4);
    RV_EXPECT(memcmp(full, "abcd", 4) == 0);
    RV_EXPECT_EQ(rove_close(file), 0);
    RV_EXPECT_EQ(rove_close(p[0]), 0);
    RV_EXPECT_EQ(rove_close(p[1]), 0);
    return rove_close(fd);
}

/* Goal: a counter has no position to read at, and is not read. */
RV_TASK_TEST(test_cursor_position_of_what_has_none)
{
    uint64_t count = 3;
    int fd = eventfd(7, EFD_CLOEXEC);
    RV_EXPECT_EQ(rove_pread(fd, &count, sizeof(count), 0), -ESPIPE);
    RV_EXPECT_EQ(rove_pwrite(fd, &count, sizeof(count), 0), -ESPIPE);
    RV_EXPECT_EQ(rove_read(fd, &count, sizeof(count)), sizeof(count));
    RV_EXPECT_EQ(count, 7);
    return rove_close(fd);
}

/* Goal: nothing is read at once, of a terminal too; an empty write is an empty datagram, and a
 * vector of nothing is none. */
RV_TASK_TEST(test_cursor_nothing_at_all)
{
    int s[2];
    char b;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    RV_REQUIRE(terminal >= 0);
    RV_EXPECT_EQ(rove_read(terminal, &b, 0), 0);
    RV_EXPECT_EQ(rove_readv(terminal, NULL, 0), 0);
    RV_EXPECT_EQ(rove_close(terminal), 0);
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s), 0);
    RV_EXPECT_EQ(rove_writev(s[0], NULL, 0), 0);
    RV_EXPECT_EQ(rove_writev(s[0], (struct iovec[2]){{&b, 0}, {NULL, 0}}, 2), 0);
    RV_EXPECT_EQ(recv(s[1], &b, 1, MSG_DONTWAIT), -1);
    RV_EXPECT_EQ(rove_write(s[0], &b, 0), 0);
    RV_EXPECT_EQ(recv(s[1], &b, 1, MSG_DONTWAIT), 0);
    RV_EXPECT_EQ(rove_close(s[0]), 0);
    RV_EXPECT_EQ(rove_close(s[1]), 0);
    RV_EXPECT_EQ(rove_read(-1, &b, 0), -EBADF);
    return rove_writev(-1, NULL, 0) == -EBADF ? 0 : RV_TEST_FAILED;
}

/* Both ends of a terminal that passes every byte as it is. */
static void make_terminal(int *master, int *slave)
{
    char name[64];
    struct termios t;
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (grantpt(*master) < 0 || unlockpt(*master) < 0 ||
        ptsname_r(*master, name, sizeof(name)) != 0) {
        abort();
    }
    *slave = rove_open(name, O_RDWR | O_NOCTTY, 0);
    if (*slave < 0 || tcgetattr(*slave, &t) < 0) {
        abort();
    }
    cfmakeraw(&t);
    RV_EXPECT_EQ(tcsetattr(*slave, TCSANOW, &t), 0);
}

static int read_typed(void *arg, RV_UNUSED void **result)
{
    struct part *part = arg;
    char buf[1000];
    while (part->bytes < TYPED) {
        ssize_t n = rove_read(part->fd, buf, sizeof(buf));
        RV_REQUIRE(n > 0);
        part->bytes += (size_t)n;
    }
    return 0;
}

/* Goal: a terminal that is full suspends its writer, not the worker that is to run the reader. */
RV_TASK_TEST(test_cursor_full_terminal_suspends)
{
    static char typed[TYPED];
    struct part part = {0};
    int slave;
    make_terminal(&part.fd, &slave);
    rove_task *reader = rove_create_task(read_typed, &part);
    RV_EXPECT_EQ(rove_write_all(slave, typed, TYPED), TYPED);
    RV_EXPECT_EQ(rove_join(reader, NULL), 0);
    rove_stream *s = rove_stream_open(slave);
    part.bytes = 0;
    reader = rove_create_task(read_typed, &part);
    RV_EXPECT_EQ(rove_stream_write(s, typed, TYPED), 0);
    RV_EXPECT_EQ(rove_stream_flush(s), 0);
    RV_EXPECT_EQ(rove_join(reader, NULL), 0);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_close(part.fd);
}

static int count_typed(void *arg, RV_UNUSED void **result)
{
    struct part *part = arg;
    char b;
    ssize_t n;
    while ((n = rove_read(part->fd, &b, 1)) == 1) {
        rv_fetch_add_relaxed(&typed_count, 1);
    }
    return (int)n;
}

/* Goal: of many readers of one terminal one gets the byte; the others wait on, and can be ended,
 * also where they know it by two numbers. */
RV_TASK_TEST(test_cursor_readers_of_one_terminal)
{
    struct part parts[TASKS] = {{0}};
    rove_task *tasks[TASKS];
    int master, slave;
    make_terminal(&master, &slave);
    int again = dup(slave);
    rv_store_relaxed(&typed_count, 0);
    for (int i = 0; i < TASKS; i++) {
        parts[i].fd = i % 2 == 0 ? slave : again;
        tasks[i] = rove_create_task(count_typed, &parts[i]);
    }
    await_waiters(slave, TASKS / 2);
    await_waiters(again, TASKS / 2);
    for (uint32_t n = 1; n <= 500; n++) {
        RV_EXPECT_EQ(rove_write(master, "x", 1), 1);
        while (rv_load_relaxed(&typed_count) < n) {
            rove_yield();
        }
    }
    for (int i = 0; i < TASKS / 2; i++) {
        rove_cancel(tasks[i]);
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -ECANCELED);
    }
    RV_EXPECT_EQ(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
    RV_EXPECT_EQ(rove_close(slave), 0);
    RV_EXPECT_EQ(rove_close(again), 0);
    for (int i = TASKS / 2; i < TASKS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -EBADF);
    }
    RV_EXPECT_EQ(rv_load_relaxed(&typed_count), 500);
    return rove_close(master);
}

static enum rv_fd_type type_noted(int fd)
{
    const struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(rv_current_task()->runtime)->fds, fd);
    return slot == NULL ? RV_FD_UNKNOWN : (enum rv_fd_type)rv_load_relaxed(&slot->type);
}

/* Goal: what a number was says nothing of its next file, whose position would not be guarded. */
RV_TASK_TEST(test_cursor_number_that_was_something_else)
{
    char byte;
    int first = make_file();
    RV_EXPECT_EQ(rove_close(first), 0);
    RV_EXPECT_EQ(rove_read(first, &byte, 1), -EBADF); /* too late, and noted nowhere */
    RV_EXPECT_EQ(type_noted(first), RV_FD_UNKNOWN);

    int ends[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    RV_EXPECT_EQ(rove_write(ends[0], "x", 1), 1);
    close(ends[0]);
    int file = rove_open("/tmp", O_TMPFILE | O_RDWR, 0600);
    RV_REQUIRE(file >= 0);
    RV_EXPECT_EQ(file, ends[0]);
    RV_EXPECT(type_noted(file) != RV_FD_OTHER);
    RV_EXPECT_EQ(rove_pwrite(file, "abc", 3, 0), 3);
    RV_EXPECT_EQ(rove_pread(file, &byte, 1, 2), 1);
    close(file);

    int pipes[2];
    RV_REQUIRE_EQ(pipe2(pipes, O_CLOEXEC), 0);
    RV_EXPECT_EQ(pipes[0], file);
    RV_EXPECT_EQ(rove_write(pipes[1], "y", 1), 1);
    RV_EXPECT_EQ(rove_pread(pipes[0], &byte, 1, 0), -ESPIPE);
    RV_EXPECT_EQ(rove_close(pipes[0]), 0);
    RV_EXPECT_EQ(rove_close(pipes[1]), 0);
    return rove_close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_shared_file_loses_nothing),
        cmocka_unit_test(test_cursor_is_behind_what_a_full_disk_took),
        cmocka_unit_test(test_cursor_numbers_that_stand_for_something_else),
        cmocka_unit_test(test_cursor_position_of_what_has_none),
        cmocka_unit_test(test_cursor_nothing_at_all),
        cmocka_unit_test(test_cursor_full_terminal_suspends),
        cmocka_unit_test(test_cursor_readers_of_one_terminal),
        cmocka_unit_test(test_cursor_number_that_was_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/fifo, io/offload: an open of a FIFO waits for the other side, and can be called off;
 * a close takes its side away.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "sched/current.h"
#include "sched/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fifo_path[64];

static int make_fifo(void)
{
    snprintf(fifo_path, sizeof(fifo_path), "/tmp/rove-fifo-%d", (int)getpid());
    (void)unlink(fifo_path);
    return mkfifo(fifo_path, 0600);
}

struct opening {
    const char *path;
    int flags;
    RV_ATOMIC(uint32_t) is_begun;
};

static int open_it(void *arg, RV_UNUSED void **result)
{
    struct opening *o = arg;
    rv_store_relaxed(&o->is_begun, 1);
    return rove_open(o->path, o->flags, 0);
}

/* Opens a FIFO that nobody else opens, lets it get stuck, and cancels it. */
static int cancel_open(int flags, int turns)
{
    struct opening o = {.path = fifo_path, .flags = flags};
    rove_task *t = rove_create_task(open_it, &o);
    RV_REQUIRE(t != NULL);
    while (rv_load_relaxed(&o.is_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    for (int i = 0; i < turns; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    return 0;
}

/* Goal: an open that waits for the other side of a FIFO is called off, wherever it is stuck. */
RV_TASK_TEST(test_fifo_open_that_waits_is_called_off)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(cancel_open(i % 2 != 0 ? O_RDONLY : O_WRONLY, i * i), 0);
    }
    rove_timeout scope;
    rove_timeout_enter(&scope, ROVE_MS(2));
    int rc = rove_open(fifo_path, O_RDONLY, 0);
    RV_EXPECT_EQ(rove_timeout_exit(&scope, rc), -ETIMEDOUT);
    return unlink(fifo_path);
}

/* The first to open waits for the second; a byte goes through, and the end. */
static int meet(int first_flags)
{
    char byte = 0;
    struct opening first = {.path = fifo_path, .flags = first_flags};
    rove_task *t = rove_create_task(open_it, &first);
    RV_REQUIRE(t != NULL);
    while (rv_load_relaxed(&first.is_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
        RV_EXPECT(!rove_done(t));
    }
    int mine = rove_open(fifo_path, first_flags == O_RDONLY ? O_WRONLY : O_RDONLY, 0);
    int theirs = rove_join(t, NULL);
    RV_REQUIRE(mine >= 0 && theirs >= 0);
    int in = first_flags == O_RDONLY ? theirs : mine;
    int out = first_flags == O_RDONLY ? mine : theirs;
    RV_EXPECT_EQ(fcntl(in, F_GETFL) & O_NONBLOCK, 0);
    RV_EXPECT_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(rove_write(out, "x", 1), 1);
    RV_EXPECT_EQ(rove_read(in, &byte, 1), 1);
    RV_EXPECT_EQ(byte, 'x');
    RV_EXPECT_EQ(rove_close(out), 0);
    RV_EXPECT_EQ(rove_read(in, &byte, 1), 0);
    return rove_close(in);
}

/* Goal: whichever side comes first, it gets its descriptor when the other has come. */
RV_TASK_TEST(test_fifo_sides_wait_for_each_other)
{
    for (int i = 0; i < 10; i++) {
        RV_REQUIRE_EQ(make_fifo(), 0); /* another each time: no side of the last one lingers */
        RV_REQUIRE_EQ(meet(i % 2 != 0 ? O_RDONLY : O_WRONLY), 0);
    }
    return unlink(fifo_path);
}

static int meet_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct opening lonely = {.path = fifo_path, .flags = O_WRONLY};
    struct opening devices = {.path = "/dev/null", .flags = O_RDONLY};
    RV_REQUIRE_EQ(make_fifo(), 0);
    RV_REQUIRE_EQ(meet(O_RDONLY), 0);
    RV_REQUIRE_EQ(unlink(fifo_path), 0);
    RV_REQUIRE_EQ(make_fifo(), 0);
    RV_REQUIRE_EQ(meet(O_WRONLY), 0);
    RV_REQUIRE_EQ(unlink(fifo_path), 0);
    RV_REQUIRE_EQ(make_fifo(), 0);
    rove_task *t = rove_create_task(open_it, &lonely); /* nobody comes */
    while (rv_load_relaxed(&lonely.is_begun) == 0) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    int fd = open_it(&devices, NULL);
    RV_EXPECT(fd >= 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT(rv_pool_thread_count(rv_current_worker()->runtime) <= 2);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    return unlink(fifo_path);
}

/* Goal: an open that waits takes no place of the pool's from the one it waits for, nor from others
 * that have nothing to do with it; and no thread is left over. */
static void test_fifo_sides_meet_in_a_pool_of_one(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        rove_options options = {.workers = workers, .max_threads = 1};
        rv_test_run_with(&options, meet_body, NULL);
    }
}

/* Goal: a writer that has left again before the reader looks has been there all the same. */
RV_TASK_TEST(test_fifo_writer_in_passing_is_noticed)
{
    for (int i = 0; i < 10; i++) {
        RV_REQUIRE_EQ(make_fifo(), 0);
        char byte = 0;
        struct opening first = {.path = fifo_path, .flags = O_RDONLY};
        rove_task *t = rove_create_task(open_it, &first);
        int out;
        while ((out = open(fifo_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
            RV_REQUIRE_EQ(errno, ENXIO); /* no reader yet */
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT_EQ(write(out, "y", 1), 1);
        RV_EXPECT_EQ(close(out), 0);
        int in = rove_join(t, NULL);
        RV_REQUIRE(in >= 0);
        RV_EXPECT_EQ(rove_read(in, &byte, 1), 1);
        RV_EXPECT_EQ(byte, 'y');
        RV_EXPECT_EQ(rove_read(in, &byte, 1), 0);
        RV_EXPECT_EQ(rove_close(in), 0);
    }
    return unlink(fifo_path);
}

/* Goal: who asked not to wait does not; who may read and write has no other side to wait for. */
RV_TASK_TEST(test_fifo_nonblocking_open_does_not_wait)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    RV_EXPECT_EQ(rove_open(fifo_path, O_WRONLY | O_NONBLOCK, 0), -ENXIO);
    int fd = rove_open(fifo_path, O_RDONLY | O_NONBLOCK, 0);
    RV_EXPECT(fd >= 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    fd = rove_open(fifo_path, O_RDWR, 0);
    RV_EXPECT(fd >= 0);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return unlink(fifo_path);
}

static int open_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct opening o = {.path = fifo_path, .flags = O_RDONLY};
    return open_it(&o, NULL);
}

/* Goal: a runtime whose main has ended does not wait for what never comes. */
RV_TASK_TEST(test_fifo_open_does_not_hold_up_the_end)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    rove_task *t = rove_create_task(open_for_ever, NULL);
    RV_REQUIRE(t != NULL);
    for (int i = 0; i < 20; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    rove_release(t);
    return unlink(fifo_path);
}

/* A descriptor to read from, of a FIFO in which there is a byte and no writer any more. */
static int open_left(void)
{
    int in = open(fifo_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int out = open(fifo_path, O_WRONLY | O_CLOEXEC);
    bool is_made = in >= 0 && out >= 0 && fcntl(in, F_SETFL, 0) == 0 && write(out, "z", 1) == 1;
    close(out);
    if (!is_made) {
        close(in);
    }
    return is_made ? in : -EIO;
}

/* The byte, and then twice the end. */
static int read_left(int in)
{
    char byte = 0;
    RV_REQUIRE_EQ(rove_read(in, &byte, 1), 1);
    RV_EXPECT_EQ(byte, 'z');
    RV_REQUIRE_EQ(rove_read(in, &byte, 1), 0);
    RV_REQUIRE_EQ(rove_read(in, &byte, 1), 0);
    return 0;
}

/* The kernel's helper threads of rings, in this process. */
static int count_helpers(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    for (struct dirent *entry; tasks != NULL && (entry = readdir(tasks)) != NULL;) {
        char path[300];
        char name[16] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            ssize_t n = read(fd, name, sizeof(name) - 1);
            count += n > 0 && strncmp(name, "iou-wrk", 7) == 0;
            close(fd);
        }
    }
    closedir(tasks);
    return count;
}

/* Goal: the end of a FIFO is found without a thread of the kernel's, which would keep the file. */
RV_TASK_TEST(test_fifo_end_needs_no_helper)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    int in = open_left();
    RV_REQUIRE(in >= 0);
    RV_REQUIRE_EQ(read_left(in), 0);
    RV_EXPECT_EQ(count_helpers(), 0);
    RV_EXPECT_EQ(rove_close(in), 0);
    return unlink(fifo_path);
}

static bool has_reader(void)
{
    int out = open(fifo_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (out >= 0) {
        close(out);
    }
    return out >= 0 || errno != ENXIO;
}

/* Goal: whose descriptor has been read to its end and closed is no reader any more. */
RV_TASK_TEST(test_fifo_reader_of_the_end_is_gone_after_close)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    for (int i = 0; i < 200; i++) {
        int in = open_left();
        RV_REQUIRE(in >= 0);
        RV_REQUIRE_EQ(read_left(in), 0);
        RV_REQUIRE_EQ(rove_close(in), 0);
        RV_REQUIRE(!has_reader());
    }
    return unlink(fifo_path);
}

static int read_for_ever(void *arg, RV_UNUSED void **result)
{
    const int *fd = arg;
    char byte;
    return (int)rove_read(*fd, &byte, 1);
}

/* Goal: a close that ends the read of another task leaves no reader either, on no ring. */
RV_TASK_TEST(test_fifo_reader_is_gone_after_close_under_it)
{
    RV_REQUIRE_EQ(make_fifo(), 0);
    for (int i = 0; i < 200; i++) {
        int in = open(fifo_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        int out = open(fifo_path, O_WRONLY | O_CLOEXEC);
        RV_REQUIRE(in >= 0 && out >= 0);
        rove_task *t = rove_create_task(read_for_ever, &in);
        RV_REQUIRE(t != NULL);
        for (int turn = 0; turn < i % 20; turn++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        int rc = rove_close(in);
        close(out);
        bool is_there = has_reader();
        RV_EXPECT_EQ(rc, 0);
        RV_EXPECT_EQ(rove_join(t, NULL), -EBADF);
        RV_REQUIRE(!is_there);
    }
    return unlink(fifo_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifo_open_that_waits_is_called_off),
        cmocka_unit_test(test_fifo_sides_wait_for_each_other),
        cmocka_unit_test(test_fifo_sides_meet_in_a_pool_of_one),
        cmocka_unit_test(test_fifo_writer_in_passing_is_noticed),
        cmocka_unit_test(test_fifo_nonblocking_open_does_not_wait),
        cmocka_unit_test(test_fifo_open_does_not_hold_up_the_end),
        cmocka_unit_test(test_fifo_end_needs_no_helper),
        cmocka_unit_test(test_fifo_reader_of_the_end_is_gone_after_close),
        cmocka_unit_test(test_fifo_reader_is_gone_after_close_under_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

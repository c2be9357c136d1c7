// SPDX-License-Identifier: MIT
/*
 * Purpose: io/fdtab: the table of descriptor numbers and the word of each.
 */
#include "io/fdtab.h"

#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_fdtab_slots_are_made_on_demand(void **state)
{
    (void)state;
    struct rv_fdtab tab;
    int error = 0;
    assert_int_equal(rv_fdtab_init(&tab), 0);
    struct rv_fd_slot *near = rv_fdtab_find(&tab, 5);
    rv_fd_check(near);
    assert_ptr_equal(rv_fdtab_get(&tab, 5, &error), near);
    assert_ptr_equal(rv_fdtab_find(&tab, 6), near + 1);
    assert_ptr_equal(rv_fdtab_find(&tab, RV_FDTAB_NEAR - 1), near + RV_FDTAB_NEAR - 6);
    assert_null(rv_fdtab_find(&tab, RV_FDTAB_NEAR));
    struct rv_fd_slot *far = rv_fdtab_get(&tab, RV_FDTAB_NEAR, &error);
    assert_non_null(far);
    rv_fd_check(far);
    assert_ptr_equal(rv_fdtab_find(&tab, RV_FDTAB_NEAR), far);
    assert_ptr_equal(rv_fdtab_find(&tab, RV_FDTAB_NEAR + 1), far + 1);
    assert_null(rv_fdtab_find(&tab, RV_FDTAB_NEAR + RV_FDTAB_CHUNK));
    assert_non_null(rv_fdtab_get(&tab, RV_FDTAB_CHUNK * RV_FDTAB_CHUNKS - 1, &error));
    assert_int_equal(error, 0);
    rv_fdtab_fini(&tab);
}

static void test_fdtab_numbers_out_of_range(void **state)
{
    (void)state;
    static const int numbers[] = {-1, INT32_MIN, RV_FDTAB_CHUNK * RV_FDTAB_CHUNKS, INT32_MAX};
    struct rv_fdtab tab;
    assert_int_equal(rv_fdtab_init(&tab), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int error = 0;
        assert_null(rv_fdtab_find(&tab, numbers[i]));
        assert_null(rv_fdtab_get(&tab, numbers[i], &error));
        assert_int_equal(error, -EBADF);
    }
    rv_fdtab_fini(&tab);
}

/* Goal: each step of a close, seen by operations that come and go. */
static void test_fdtab_close_step_by_step(void **state)
{
    (void)state;
    struct rv_fd_slot slot = {0};
    assert_int_equal(rv_fd_enter(&slot), 0);
    assert_int_equal(rv_fd_enter(&slot), 0);
    assert_true(rv_fd_close_begin(&slot, NULL));
    rv_fd_check(&slot);
    assert_true(rv_fd_is_closing(&slot));
    assert_false(rv_fd_close_begin(&slot, NULL));
    assert_int_equal(rv_fd_enter(&slot), -EBADF);
    assert_int_equal(rv_fd_close_pending(&slot), 2);
    rv_fd_leave(&slot);
    rv_fd_leave(&slot);
    assert_int_equal(rv_fd_close_pending(&slot), 0);
    rv_fd_close_final(&slot);
    rv_fd_check(&slot);
    rv_fd_close_end(&slot);
    rv_fd_check(&slot);
    assert_false(rv_fd_is_closing(&slot));
    assert_int_equal(rv_fd_enter(&slot), 0);
    rv_fd_leave(&slot);
}

static void *close_again(void *slot)
{
    return rv_fd_close_begin(slot, NULL) ? slot : NULL;
}

/* Goal: right after close(2) the number may be another file's, whose close must not be refused:
 * it waits for the end of the first one, and then is the closer. */
static void test_fdtab_close_of_the_next_file_waits(void **state)
{
    (void)state;
    struct rv_fd_slot slot = {0};
    pthread_t thread;
    void *won = NULL;
    assert_true(rv_fd_close_begin(&slot, NULL));
    rv_fd_close_final(&slot);
    assert_int_equal(pthread_create(&thread, NULL, close_again, &slot), 0);
    for (int i = 0; i < 100; i++) {
        sched_yield(); /* it has time to be refused, if it were */
    }
    rv_fd_close_end(&slot);
    assert_int_equal(pthread_join(thread, &won), 0);
    assert_ptr_equal(won, &slot);
    rv_fd_close_final(&slot);
    rv_fd_close_end(&slot);
    rv_fd_check(&slot);
}

static void test_fdtab_type_is_remembered_until_the_close(void **state)
{
    (void)state;
    struct rv_fd_slot slot = {0};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int fds[2];
    assert_true(file >= 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(rv_fd_type(&slot, file), RV_FD_FILE);
    assert_int_equal(rv_fd_type(&slot, fds[0]), RV_FD_FILE);
    assert_true(rv_fd_close_begin(&slot, NULL));
    rv_fd_close_final(&slot);
    /* The kernel gives the number to another before the closer has come back from close(2). */
    assert_int_equal(rv_fd_type(&slot, fds[0]), RV_FD_FIFO);
    rv_fd_close_end(&slot);
    assert_int_equal(rv_fd_type(&slot, file), RV_FD_FILE);
    close(file);
    close(fds[0]);
    close(fds[1]);
}

enum { ROUNDS = 100, READERS = 4 };

struct generation {
    RV_ATOMIC(int) fd;
    RV_ATOMIC(uint32_t) is_over;
    RV_ATOMIC(long) bytes;
};

/* Reads whatever the number means at the moment. */
static int read_number(void *arg, RV_UNUSED void **result)
{
    struct generation *g = arg;
    while (rv_load_relaxed(&g->is_over) == 0) {
        char b;
        ssize_t n = rove_recv(rv_load_relaxed(&g->fd), &b, 1, 0);
        RV_REQUIRE(n == 1 || n == 0 || n == -EBADF || n == -ECANCELED);
        if (n == 1) {
            rv_fetch_add_relaxed(&g->bytes, 1);
        } else {
            rove_yield();
        }
    }
    return 0;
}

/* Goal: a number that is closed and opened again and again under its readers never gets stuck, and
 * each byte is read once: by a reader, or by who closes. */
RV_TASK_TEST(test_fdtab_number_is_reused_under_its_readers)
{
    if (RV_TSAN) {
        return 0; /* the race for the number is the very subject; it reports it, rightly */
    }
    struct generation g = {0};
    rove_task *readers[READERS];
    int fds[2];
    long sent = 0, left = 0;
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    rv_store_relaxed(&g.fd, fds[0]);
    for (int i = 0; i < READERS; i++) {
        readers[i] = rove_create_task(read_number, &g);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < round % 5; i++) {
            RV_EXPECT_EQ(rove_send(fds[1], "x", 1, 0), 1);
            sent++;
        }
        if (round % 3 == 0) {
            rove_yield();
        }
        int kept = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
        RV_REQUIRE_EQ(rove_close(fds[0]), 0);
        char rest[8];
        ssize_t n = recv(kept, rest, sizeof(rest), MSG_DONTWAIT);
        left += n > 0 ? n : 0;
        close(kept);
        RV_REQUIRE_EQ(rove_close(fds[1]), 0);
        RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        rv_store_relaxed(&g.fd, fds[0]);
    }
    rv_store_relaxed(&g.is_over, 1u);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    for (int i = 0; i < READERS; i++) {
        RV_EXPECT_EQ(rove_await(readers[i], NULL), 0);
        rove_release(readers[i]);
    }
    RV_EXPECT_EQ(rv_load_relaxed(&g.bytes) + left, sent);
    return rove_close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fdtab_slots_are_made_on_demand),
        cmocka_unit_test(test_fdtab_numbers_out_of_range),
        cmocka_unit_test(test_fdtab_close_step_by_step),
        cmocka_unit_test(test_fdtab_close_of_the_next_file_waits),
        cmocka_unit_test(test_fdtab_type_is_remembered_until_the_close),
        cmocka_unit_test(test_fdtab_number_is_reused_under_its_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/loan.h: a file's mode is lent to one call at a time and given back.
 */
#include "io/loan.h"

#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_nonblocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

/* Goal: a file is lent once at a time, whichever number it is asked for by: who comes meanwhile is
 * told so, and the mode stays until the call is over. It is given back if it was borrowed. */
static void test_loan_mode_is_lent_once_at_a_time(void **state)
{
    struct rv_loan loan, other, third;
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int again = dup(fds[0]);
    for (int was = 0; was < 2; was++) {
        assert_int_equal(fcntl(fds[0], F_SETFL, was ? O_NONBLOCK : 0), 0);
        assert_int_equal(rv_loan_begin(&loan, fds[0]), 0);
        assert_int_equal(rv_loan_begin(&other, again), -EAGAIN);
        assert_int_equal(rv_loan_begin(&other, fds[1]), 0); /* the other end is another file */
        assert_int_equal(rv_loan_begin(&third, fds[0]), -EAGAIN);
        assert_true(is_nonblocking(fds[0]) && is_nonblocking(fds[1]));
        rv_loan_end(&loan);
        assert_int_equal(is_nonblocking(again), was);
        assert_int_equal(rv_loan_begin(&loan, again), 0);
        assert_true(is_nonblocking(fds[0]));
        rv_loan_end(&other);
        rv_loan_end(&loan);
        assert_int_equal(is_nonblocking(fds[0]), was);
        assert_false(is_nonblocking(fds[1]));
    }
    close(again);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(rv_loan_begin(&loan, fds[0]), -EBADF);
}

static int do_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

/* Goal: a child of a fork in the middle of a call is not told for ever that the file is lent. */
static void test_loan_what_the_parent_lent_is_free(void **state)
{
    struct rv_loan loan;
    int fds[2];
    (void)state;
    rv_test_run_on(1, do_nothing, NULL); /* forks are counted from now on */
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(rv_loan_begin(&loan, fds[0]), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rv_loan mine;
        rv_loan_forget_parent();
        bool is_free = rv_loan_begin(&mine, fds[0]) == 0 && rv_loan_begin(&loan, fds[0]) == -EAGAIN;
        _exit(is_free ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rv_loan_forget_parent(); /* nobody's: it stays lent here */
    assert_int_equal(rv_loan_begin(&(struct rv_loan){0}, fds[0]), -EAGAIN);
    rv_loan_end(&loan);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loan_mode_is_lent_once_at_a_time),
        cmocka_unit_test(test_loan_what_the_parent_lent_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

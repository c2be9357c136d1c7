// SPDX-License-Identifier: MIT
/*
 * Purpose: <rove/sim.h>: runs are simulated, repeatable, and what goes wrong is said.
 */
#include <rove.h>
#include <rove/sim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base.h"

static int child(void *arg, void **result)
{
    rove_duration d = *(rove_duration *)arg;
    int rc = rove_sleep(d);
    *result = arg;
    return rc;
}

/* An hour, ten tasks, a result each. */
static int sleepers(void *arg, void **result)
{
    rove_duration d[10];
    rove_task *tasks[10];
    rove_time begun = rove_now();
    (void)arg;
    for (int i = 0; i < 10; i++) {
        d[i] = ROVE_SEC(360) * (i + 1);
        tasks[i] = rove_create_task(child, &d[i]);
    }
    for (int i = 0; i < 10; i++) {
        int rc = rove_join(tasks[i], result);
        if (rc != 0 || *result != &d[i] || rove_now() - begun < d[i])
            return -EINVAL;
    }
    return 0;
}

/* Goal: virtual time jumps, and every run ends. Method: 200 seeds sleep an hour each. */
static void test_sim_clock_jumps(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        rove_sim_report report;
        int rc = rove_sim_run(seed, &(rove_sim_options){.report = &report}, sleepers, NULL);
        if (rc != 0)
            fail_msg("seed %llu: %d: %s", (unsigned long long)seed, rc, report.trouble);
        assert_true(report.ended_at >= ROVE_SEC(3600));
    }
}

/* Goal: the same seed is the same run. Method: twice each, in the other order the second time. */
static void test_sim_same_seed_same_trace(void **state)
{
    uint64_t hashes[50];
    (void)state;
    for (int i = 0; i < 100; i++) {
        int seed = i < 50 ? i : 99 - i;
        rove_sim_report report;
        assert_int_equal(rove_sim_run((uint64_t)seed, &(rove_sim_options){.report = &report},
                                      sleepers, NULL), 0);
        if (i < 50)
            hashes[seed] = report.trace_hash;
        else
            assert_true(hashes[seed] == report.trace_hash);
    }
    assert_true(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
}

static int waits_for_ever(void *arg, void **result)
{
    rove_future *f = rove_create_future();
    (void)arg;
    return rove_await(f, result);
}

/* Goal: a deadlock ends the run and says so; the next run is not harmed. */
static void test_sim_deadlock_is_told(void **state)
{
    rove_sim_report report;
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const rove_sim_options options = {.report = &report};
        assert_int_equal(rove_sim_run(seed, &options, waits_for_ever, NULL), -EDEADLK);
        assert_non_null(strstr(report.trouble, "sleeps for ever"));
    }
    assert_int_equal(rove_sim_run(1, NULL, sleepers, NULL), 0);
}

static int nested(void *arg, void **result)
{
    (void)arg;
    (void)result;
    return rove_sim_run(2, NULL, sleepers, NULL);
}

/* Goal: what is documented for outside and inside holds. */
static void test_sim_refuses_misuse(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(rove_sim_run(1, NULL, nested, NULL), -EBUSY);
    assert_int_equal(rove_sim_random(7), 0);
    assert_int_equal(rove_sim_pipe(fds), -EPERM);
    assert_int_equal(rove_sim_socketpair(fds), -EPERM);
    assert_false(rove_sim_owns(fds, sizeof fds));
}

static int leaves_a_pipe(void *arg, void **result)
{
    int fds[2];
    (void)result;
    int rc = rove_sim_pipe(fds);
    if (rc == 0 && arg != NULL)
        rc = rove_close(fds[0]) + rove_close(fds[1]);
    return rc;
}

/* Goal: what is left over is found. */
static void test_sim_finds_what_is_left(void **state)
{
    int yes = 1;
    (void)state;
    assert_int_equal(rove_sim_run(3, NULL, leaves_a_pipe, NULL), -EPROTO);
    assert_int_equal(rove_sim_run(3, NULL, leaves_a_pipe, &yes), 0);
}

static int worker_of_time(void *arg, void **result)
{
    (void)arg;
    (void)result;
    rove_time begun = rove_now();
    rove_sim_work(ROVE_MS(50));
    return rove_now() - begun >= ROVE_MS(50) ? 0 : -EINVAL;
}

/* Goal: a long step takes its time, and others are served meanwhile: two of them on two workers. */
static int two_work(void *arg, void **result)
{
    rove_time begun = rove_now();
    rove_task *other = rove_create_task(worker_of_time, NULL);
    int rc = worker_of_time(arg, result);
    int rc2 = rove_join(other, NULL);
    return rc != 0 ? rc : rc2 != 0 ? rc2 : rove_now() - begun < ROVE_MS(100) ? 0 : -ETIME;
}

static void test_sim_work_is_shared(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++)
        assert_int_equal(
            rove_sim_run(seed, &(rove_sim_options){.runtime.workers = 2}, two_work, NULL), 0);
}

static int echo(void *arg, void **result)
{
    int fd = *(int *)arg;
    char buf[100];
    ssize_t n;
    (void)result;
    while ((n = rove_read(fd, buf, sizeof buf)) > 0) {
        ssize_t sent = rove_write_all(fd, buf, (size_t)n);
        if (sent != n)
            return (int)sent;
    }
    int rc = rove_close(fd);
    return n < 0 ? (int)n : rc;
}

static int send_some(void *arg, void **result)
{
    int fd = *(int *)arg;
    unsigned char out[500];
    (void)result;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (unsigned char)(i * 7);
    ssize_t n = rove_write_all(fd, out, sizeof out);
    return n == (ssize_t)sizeof out ? rove_shutdown(fd, SHUT_WR) : (int)n;
}

/* 500 bytes there and back, through channels of any size, in pieces of any size. */
static int talk(void *arg, void **result)
{
    int fds[2];
    unsigned char in[501];
    (void)arg;
    (void)result;
    int rc = rove_sim_socketpair(fds);
    rove_task *server = rove_create_task(echo, &fds[1]);
    rove_task *sender = rove_create_task(send_some, &fds[0]);
    ssize_t n = rove_read_all(fds[0], in, sizeof in);
    for (ssize_t i = 0; i < n; i++)
        rc = in[i] == (unsigned char)(i * 7) ? rc : -EBADMSG;
    rc = n == 500 ? rc : -ENODATA;
    int rc2 = rove_join(sender, NULL);
    int rc3 = rove_join(server, NULL);
    int rc4 = rove_close(fds[0]);
    return rc != 0 ? rc : rc2 != 0 ? rc2 : rc3 != 0 ? rc3 : rc4;
}

/* Goal: no byte is lost or doubled. Method: an echo on 300 seeds, faults and all. */
static void test_sim_bytes_arrive(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        rove_sim_report report;
        int rc = rove_sim_run(seed, &(rove_sim_options){.report = &report}, talk, NULL);
        if (rc != 0)
            fail_msg("seed %llu: %d: %s", (unsigned long long)seed, rc, report.trouble);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_clock_jumps),
        cmocka_unit_test(test_sim_same_seed_same_trace),
        cmocka_unit_test(test_sim_deadlock_is_told),
        cmocka_unit_test(test_sim_refuses_misuse),
        cmocka_unit_test(test_sim_finds_what_is_left),
        cmocka_unit_test(test_sim_work_is_shared),
        cmocka_unit_test(test_sim_bytes_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

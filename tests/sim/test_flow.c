// SPDX-License-Identifier: MIT
/*
 * Purpose: io/flow and io/accept in the simulation, whose kernel lends few and small buffers, ends
 *          requests with many results when it likes, and answers late: no byte, no connection and
 *          no wake-up is lost, and nothing is left over.
 */
#include <rove.h>
#include <rove/sim.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/stream.h"

enum { BYTES = 700, SEEDS = 400, GUESTS = 3 };

static unsigned char pattern_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 50);
}

static int send_pattern(void *arg, void **result)
{
    rove_stream *s = arg;
    unsigned char data[120];
    int rc = 0;
    (void)result;
    for (size_t at = 0; at < BYTES && rc == 0;) {
        size_t n = rove_sim_random(sizeof(data)) + 1;
        n = n < BYTES - at ? n : BYTES - at;
        for (size_t i = 0; i < n; i++)
            data[i] = pattern_at(at + i);
        rc = rove_stream_write(s, data, n);
        if (rc == 0 && rove_sim_random(3) == 0)
            rc = rove_sleep(ROVE_US(rove_sim_random(30)));
        at += n;
    }
    return rc == 0 ? rove_stream_shutdown(s) : rc;
}

/* One read of any kind, which may be late: how many bytes, 0 at the end, or an error. */
static ssize_t read_any(rove_stream *s, size_t at)
{
    unsigned char data[150];
    const char *view = (const char *)data;
    rove_timeout limit;
    ssize_t n;
    unsigned char wanted = pattern_at(at + rove_sim_random(40));
    rove_timeout_enter(&limit, ROVE_US(rove_sim_random(60)));
    switch (rove_sim_random(3)) {
    case 0:
        n = rove_stream_read(s, data, rove_sim_random(sizeof(data)) + 1);
        break;
    case 1:
        n = rove_stream_read_exactly(s, data, 50);
        break;
    default:
        n = rove_stream_read_until(s, &wanted, 1, &view);
        break;
    }
    int rc = rove_timeout_exit(&limit, n < 0 ? (int)n : 0);
    n = n < 0 ? rc : n;
    for (ssize_t i = 0; i < n; i++)
        if ((unsigned char)view[i] != pattern_at(at + (size_t)i))
            return -EBADMSG;
    return n == -ENODATA ? rove_stream_read(s, data, sizeof(data)) : n;
}

/* Reads, late or not, now and then computing, add up to what was sent. */
static int talk(void *arg, void **result)
{
    int fds[2];
    size_t at = 0;
    ssize_t n = 1;
    (void)arg;
    (void)result;
    int rc = rove_sim_socketpair(fds);
    if (rc < 0)
        return rc;
    rove_stream *out = rove_stream_open(fds[0]);
    rove_stream *in = rove_stream_open(fds[1]);
    rove_task *sender = rove_create_task(send_pattern, out);
    while (n != 0 && at <= BYTES) {
        n = read_any(in, at);
        if (n < 0 && n != -ETIMEDOUT)
            break;
        at += n > 0 ? (size_t)n : 0;
        if (rove_sim_random(10) == 0)
            rove_sim_work(ROVE_US(rove_sim_random(100)));
    }
    rc = rove_join(sender, NULL);
    rove_stream_close(out);
    rove_stream_close(in);
    return rc != 0 ? rc : n < 0 ? (int)n : at == BYTES ? 0 : -ENODATA;
}

/* Closed by another task at any moment: the reader ends, whatever was under way. */
static int read_until_closed(void *arg, void **result)
{
    unsigned char data[100]; /* more than will ever come: one call, which the close ends */
    (void)result;
    ssize_t n = rove_stream_read_exactly(arg, data, sizeof(data));
    return n == -EBADF ? 0 : n < 0 ? (int)n : -EBADMSG;
}

static int close_early(void *arg, void **result)
{
    int fds[2];
    (void)arg;
    (void)result;
    int rc = rove_sim_socketpair(fds);
    if (rc < 0)
        return rc;
    rove_stream *out = rove_stream_open(fds[0]);
    rove_stream *in = rove_stream_open(fds[1]);
    rv_stream_enter(in); /* the reader may come after the close */
    rove_task *reader = rove_create_task(read_until_closed, in);
    rc = rove_stream_write(out, "a few bytes, more than one buffer of this kernel", 48);
    if (rc == 0)
        rc = rove_sleep(ROVE_US(rove_sim_random(40)));
    int closed = rove_stream_close(in);
    int read = rove_join(reader, NULL);
    rv_stream_leave(in);
    rove_stream_close(out); /* -EPIPE: its peer is gone */
    return rc != 0 ? rc : closed != 0 ? closed : read;
}

static int echo(rove_stream *s, void *ctx)
{
    char data[20];
    ssize_t n;
    int rc = 0;
    (void)ctx;
    while (rc == 0 && (n = rove_stream_read(s, data, sizeof(data))) > 0)
        rc = rove_stream_write(s, data, (size_t)n);
    return rc;
}

static int visit(void *arg, void **result)
{
    char address[32];
    char back[16] = {0};
    rove_stream *s;
    (void)result;
    snprintf(address, sizeof(address), "127.0.0.1:%d", *(int *)arg);
    int rc = rove_stream_dial(address, &s);
    if (rc < 0)
        return rc;
    rc = rove_stream_write(s, "round and round", 15);
    ssize_t n = rc < 0 ? rc : rove_stream_read_exactly(s, back, 15);
    rove_stream_close(s);
    return n < 0 ? (int)n : strcmp(back, "round and round") == 0 ? 0 : -EBADMSG;
}

static int serve(void *arg, void **result)
{
    rove_server *server;
    rove_task *guests[GUESTS];
    (void)arg;
    (void)result;
    int rc = rove_server_start("127.0.0.1:7777", echo, NULL, NULL, &server);
    if (rc < 0)
        return rc;
    int port = 7777;
    for (int i = 0; i < GUESTS; i++)
        guests[i] = rove_create_task(visit, &port);
    for (int i = 0; i < GUESTS; i++) {
        int visited = rove_join(guests[i], NULL);
        rc = rc != 0 ? rc : visited;
    }
    int stopped = rove_server_stop(server, ROVE_SEC(1));
    return rc != 0 ? rc : stopped;
}

static void run_seeds(rove_coro *program)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rove_sim_report report;
        rove_sim_options options = {.report = &report,
                                    .runtime.backend = seed % 5 == 0 ? ROVE_BACKEND_EPOLL
                                                                     : ROVE_BACKEND_URING};
        int rc = rove_sim_run(seed, &options, program, NULL);
        if (rc != 0)
            fail_msg("seed %llu: %d: %s", (unsigned long long)seed, rc, report.trouble);
    }
}

/* Goal: bytes arrive once and in order, through timeouts, short of buffers, on any worker. */
static void test_flow_bytes_arrive(void **state)
{
    (void)state;
    run_seeds(talk);
}

/* Goal: a close ends a flow in whatever state it is, and its reader. */
static void test_flow_ends_with_its_stream(void **state)
{
    (void)state;
    run_seeds(close_early);
}

/* Goal: connections are accepted and served, and a stop leaves none. */
static void test_flow_server_serves(void **state)
{
    (void)state;
    run_seeds(serve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_bytes_arrive),
        cmocka_unit_test(test_flow_ends_with_its_stream),
        cmocka_unit_test(test_flow_server_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/server: serving, limits, running out of descriptors, stopping in every way.
 */
#include "io/stream.h"
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int echo_lines(rove_stream *s, RV_UNUSED void *ctx)
{
    const char *line;
    ssize_t n;
    while ((n = rove_stream_read_line(s, &line)) > 0) {
        int rc = rove_stream_write(s, line, (size_t)n);
        if (rc < 0) {
            return rc;
        }
    }
    return (int)n;
}

static int dial(const rove_server *server, rove_stream **s)
{
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%d", rove_server_port(server));
    return rove_stream_dial(address, s);
}

static int wait_for_connections(const rove_server *server, size_t n)
{
    while (rove_server_connections(server) != n) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

static int expect_line(rove_stream *s, const char *expected)
{
    const char *line = NULL;
    ssize_t n = rove_stream_read_line(s, &line);
    RV_REQUIRE_EQ(n, strlen(expected));
    RV_REQUIRE(memcmp(line, expected, (size_t)n) == 0);
    return 0;
}

static void test_server_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_server *server = NULL;
    assert_int_equal(rove_server_start("127.0.0.1:0", echo_lines, NULL, NULL, &server), -EPERM);
    assert_int_equal(rove_server_stop(NULL, 0), -EPERM);
    assert_int_equal(rove_server_port(NULL), -EPERM);
    assert_int_equal(rove_server_connections(NULL), 0);
}

RV_TASK_TEST(test_server_arguments_are_refused)
{
    rove_server *server = NULL;
    RV_EXPECT_EQ(rove_server_start(NULL, echo_lines, NULL, NULL, &server), -EINVAL);
    RV_EXPECT_EQ(rove_server_start("127.0.0.1:0", NULL, NULL, NULL, &server), -EINVAL);
    RV_EXPECT_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_server_start("no address", echo_lines, NULL, NULL, &server), -EINVAL);
    RV_EXPECT_EQ(rove_server_start("192.0.2.1:0", echo_lines, NULL, NULL, &server),
                 -EADDRNOTAVAIL);
    RV_EXPECT_PTR(server, NULL);
    RV_EXPECT_EQ(rove_server_stop(NULL, 0), -EINVAL);
    RV_EXPECT_EQ(rove_server_port(NULL), -EINVAL);
    return 0;
}

enum { CLIENTS = 16, ROUNDS = 40 };

static int talk(void *arg, RV_UNUSED void **result)
{
    rove_stream *s;
    char text[64];
    RV_REQUIRE_EQ(dial(arg, &s), 0);
    for (int i = 0; i < ROUNDS; i++) {
        int n = snprintf(text, sizeof(text), "line %d of %p\n", i, (void *)s);
        RV_REQUIRE_EQ(rove_stream_write(s, text, (size_t)n), 0);
        RV_REQUIRE_EQ(expect_line(s, text), 0);
    }
    return rove_stream_close(s);
}

RV_TASK_TEST(test_server_serves_many_at_once)
{
    rove_server *server = NULL;
    rove_task *clients[CLIENTS];
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, NULL, &server), 0);
    RV_EXPECT(rove_server_port(server) > 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = rove_create_task(talk, server);
    }
    for (int i = 0; i < CLIENTS; i++) {
        RV_EXPECT_EQ(rove_join(clients[i], NULL), 0);
    }
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
    return 0;
}

static int expect_no_delay(rove_stream *s, void *ctx)
{
    int on = 0;
    socklen_t len = sizeof(on);
    RV_EXPECT_EQ(getsockopt(rove_stream_fd(s), IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    RV_EXPECT_EQ(on, 1);
    RV_EXPECT_EQ(fcntl(rove_stream_fd(s), F_GETFD), FD_CLOEXEC);
    RV_EXPECT_STR(ctx, "context");
    return rove_stream_write(s, "seen\n", 5);
}

/* Goal: the handler's stream has TCP_NODELAY and the context; what it wrote last is flushed. */
RV_TASK_TEST(test_server_hands_over_and_closes)
{
    rove_server *server = NULL;
    rove_stream *s;
    char context[] = "context";
    char b;
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", expect_no_delay, context, NULL, &server), 0);
    RV_REQUIRE_EQ(dial(server, &s), 0);
    RV_EXPECT_EQ(expect_line(s, "seen\n"), 0);
    RV_EXPECT_EQ(rove_stream_read(s, &b, 1), 0);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_server_stop(server, ROVE_FOREVER);
}

RV_TASK_TEST(test_server_on_a_unix_path_removes_its_file)
{
    rove_server *server = NULL;
    rove_stream *s;
    struct stat st;
    char address[64];
    snprintf(address, sizeof(address), "unix:/tmp/rove-test-%d.sock", (int)getpid());
    for (int i = 0; i < 2; i++) {
        RV_REQUIRE_EQ(rove_server_start(address, echo_lines, NULL, NULL, &server), 0);
        RV_EXPECT_EQ(rove_server_port(server), 0);
        RV_REQUIRE_EQ(rove_stream_dial(address, &s), 0);
        RV_EXPECT_EQ(rove_stream_write(s, "hello\n", 6), 0);
        RV_EXPECT_EQ(expect_line(s, "hello\n"), 0);
        RV_EXPECT_EQ(rove_stream_close(s), 0);
        RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
        RV_EXPECT_EQ(stat(address + strlen("unix:"), &st), -1);
    }
    return 0;
}

/* Goal: no more handlers at once than allowed; the next connection waits its turn. */
RV_TASK_TEST(test_server_max_connections_holds)
{
    rove_server *server = NULL;
    rove_stream *s[3];
    rove_server_options options = {.max_connections = 2};
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, &options, &server), 0);
    for (int i = 0; i < 3; i++) {
        RV_REQUIRE_EQ(dial(server, &s[i]), 0); /* the kernel's backlog takes the third */
        RV_REQUIRE_EQ(rove_stream_write(s[i], "x\n", 2), 0);
        RV_REQUIRE_EQ(rove_stream_flush(s[i]), 0);
    }
    RV_EXPECT_EQ(expect_line(s[0], "x\n"), 0);
    RV_EXPECT_EQ(expect_line(s[1], "x\n"), 0);
    RV_EXPECT_EQ(rove_server_connections(server), 2);
    RV_EXPECT_EQ(rove_stream_close(s[0]), 0);
    RV_EXPECT_EQ(expect_line(s[2], "x\n"), 0);
    RV_EXPECT_EQ(rove_server_connections(server), 2);
    RV_EXPECT_EQ(rove_stream_close(s[1]), 0);
    RV_EXPECT_EQ(rove_stream_close(s[2]), 0);
    return rove_server_stop(server, ROVE_FOREVER);
}

/* Goal: two servers share a port only if both said so. */
RV_TASK_TEST(test_server_reuse_port_shares)
{
    rove_server *first = NULL;
    rove_server *second = NULL;
    char address[32];
    rove_server_options options = {.reuse_port = true};
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, &options, &first), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%d", rove_server_port(first));
    RV_EXPECT_EQ(rove_server_start(address, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    RV_REQUIRE_EQ(rove_server_start(address, echo_lines, NULL, &options, &second), 0);
    RV_EXPECT_EQ(rove_server_stop(first, 0), 0);
    return rove_server_stop(second, 0);
}

static int note_timeout(rove_stream *s, void *ctx)
{
    const char *line;
    ssize_t n;
    do {
        n = rove_stream_read_line(s, &line);
    } while (n > 0);
    rove_set_result(ctx, (void *)(intptr_t)n);
    return 0;
}

/* Goal: a silent peer is told apart from one that hung up. */
RV_TASK_TEST(test_server_idle_timeout_ends_a_silent_read)
{
    rove_server *server = NULL;
    rove_stream *s;
    void *outcome = NULL;
    rove_future *f = rove_create_future();
    rove_server_options options = {.idle_timeout = ROVE_MS(20)};
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", note_timeout, f, &options, &server), 0);
    RV_REQUIRE_EQ(dial(server, &s), 0);
    RV_EXPECT_EQ(rove_await(f, &outcome), 0);
    RV_EXPECT_EQ((intptr_t)outcome, -ETIMEDOUT);
    rove_release(f);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_server_stop(server, ROVE_FOREVER);
}

struct sleepers {
    RV_ATOMIC(uint32_t) begun, cancelled;
};

static int sleep_on(RV_UNUSED rove_stream *s, void *ctx)
{
    struct sleepers *sleepers = ctx;
    rv_fetch_add_relaxed(&sleepers->begun, 1);
    int rc = rove_sleep(ROVE_FOREVER);
    rv_fetch_add_relaxed(&sleepers->cancelled, rc == -ECANCELED);
    return rc;
}

/* 0, or -ECANCELED. */
static int wait_for_sleepers(struct sleepers *sleepers, uint32_t n)
{
    int rc = 0;
    while (rc == 0 && rv_load_relaxed(&sleepers->begun) < n) {
        rc = rove_yield();
    }
    return rc;
}

/* Goal: within the grace handlers end by themselves; after it they are cancelled. */
RV_TASK_TEST(test_server_stop_cancels_what_the_grace_left)
{
    for (int i = 0; i < 3; i++) {
        static const rove_duration graces[] = {0, 0, ROVE_MS(2)};
        struct sleepers sleepers = {0};
        rove_server *server = NULL;
        rove_stream *s[5];
        RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", sleep_on, &sleepers, NULL, &server), 0);
        for (size_t k = 0; k < RV_ARRAY_LEN(s); k++) {
            RV_REQUIRE_EQ(dial(server, &s[k]), 0);
        }
        if (i > 0) { /* else: in the middle of accepting */
            RV_REQUIRE_EQ(wait_for_sleepers(&sleepers, RV_ARRAY_LEN(s)), 0);
        }
        int rc = rove_server_stop(server, graces[i]);
        RV_EXPECT(rc == -ETIMEDOUT || (i == 0 && rc == 0));
        RV_EXPECT_EQ(rv_load_relaxed(&sleepers.cancelled), rv_load_relaxed(&sleepers.begun));
        for (size_t k = 0; k < RV_ARRAY_LEN(s); k++) {
            char b;
            RV_EXPECT(rove_stream_read(s[k], &b, 1) <= 0);
            RV_EXPECT_EQ(rove_stream_close(s[k]), 0);
        }
    }
    return 0;
}

static int write_for_ever(rove_stream *s, RV_UNUSED void *ctx)
{
    static const char bytes[50000];
    int rc;
    do {
        rc = rove_stream_write(s, bytes, sizeof(bytes));
    } while (rc == 0);
    return 0; /* hides the cancellation: the close must not wait for the peer even so */
}

/* Goal: a peer that does not read cannot hold up a stop. */
RV_TASK_TEST(test_server_stop_does_not_wait_for_a_peer_that_does_not_read)
{
    rove_server *server = NULL;
    rove_stream *s;
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", write_for_ever, NULL, NULL, &server), 0);
    RV_REQUIRE_EQ(dial(server, &s), 0);
    RV_REQUIRE_EQ(wait_for_connections(server, 1), 0);
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_MS(2)), -ETIMEDOUT);
    return rove_stream_close(s);
}

struct stop {
    rove_server *server;
    RV_ATOMIC(uint32_t) has_begun;
};

static int stop(void *arg, RV_UNUSED void **result)
{
    struct stop *s = arg;
    rv_store_relaxed(&s->has_begun, 1u);
    return rove_server_stop(s->server, ROVE_FOREVER);
}

/* Goal: who stops a server and is cancelled takes the handlers along, and leaves nothing. */
RV_TASK_TEST(test_server_stop_cancelled_cancels_the_handlers)
{
    struct sleepers sleepers = {0};
    rove_server *server = NULL;
    rove_stream *s;
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", sleep_on, &sleepers, NULL, &server), 0);
    RV_REQUIRE_EQ(dial(server, &s), 0);
    RV_REQUIRE_EQ(wait_for_sleepers(&sleepers, 1), 0);
    struct stop stopping = {.server = server};
    rove_task *t = rove_create_task(stop, &stopping);
    while (rv_load_relaxed(&stopping.has_begun) == 0) { /* cancelled before, it would never begin */
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(rv_load_relaxed(&sleepers.cancelled), 1u);
    return rove_stream_close(s);
}

static void count_warnings(void *ctx, int level, const char *message)
{
    (void)level;
    if (strstr(message, "pauses accepting") != NULL) {
        rv_fetch_add_relaxed((RV_ATOMIC(unsigned) *)ctx, 1u);
    }
}

enum { STARVED = 4 };

static int allow_descriptors(const struct rlimit *old, int below)
{
    struct rlimit tight = {.rlim_cur = (rlim_t)below, .rlim_max = old->rlim_max};
    return setrlimit(RLIMIT_NOFILE, &tight);
}

/* Whatever else is open. */
static int next_free(int number)
{
    while (fcntl(number, F_GETFD) >= 0) {
        number++;
    }
    return number;
}

/* Each client is served when one more descriptor may be opened; then it is dearth again. */
static int serve_one_by_one(const int fds[], int free_number, const struct rlimit *old)
{
    for (int i = 0; i < STARVED; i++) {
        free_number = next_free(free_number + 1);
        RV_REQUIRE_EQ(allow_descriptors(old, free_number + 1), 0);
        rove_stream *s = rove_stream_open(fds[i]);
        RV_REQUIRE_EQ(rove_stream_write(s, "still there\n", 12), 0);
        RV_EXPECT_EQ(expect_line(s, "still there\n"), 0);
        RV_EXPECT_EQ(rove_stream_close(s), 0); /* the server's end of it may stay for a while */
    }
    return 0;
}

/* Goal: without descriptors a server waits, goes on when there are some, and says so once, however
 * many get in meanwhile while others wait. */
static int run_out_of_descriptors(void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(unsigned) *warnings = arg;
    struct rlimit old;
    rove_server *server = NULL;
    int fds[STARVED];
    int rc = 0;
    RV_REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < STARVED; i++) { /* the lowest free numbers */
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    /* The last one is for the server, which starts when that is so: a ring's accept keeps to the
     * limit that there was when it began. */
    int last = next_free(fds[STARVED - 1] + 1);
    RV_REQUIRE_EQ(allow_descriptors(&old, last + 1), 0);
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, NULL, &server), 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)rove_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < STARVED && rc == 0; i++) {
        rc = rove_connect(fds[i], (struct sockaddr *)&at, sizeof(at));
    }
    while (rc == 0 && rv_load_relaxed(warnings) == 0) {
        rc = rove_yield();
    }
    rc = rc == 0 ? serve_one_by_one(fds, last, &old) : rc;
    setrlimit(RLIMIT_NOFILE, &old);
    RV_EXPECT_EQ(rv_load_relaxed(warnings), 1);
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
    return rc;
}

static void test_server_without_descriptors_pauses_and_goes_on(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        RV_ATOMIC(unsigned) warnings = 0;
        rove_options options = {.workers = workers, .log = count_warnings, .log_ctx = &warnings};
        struct rv_test_usage before;
        rv_test_usage_read(&before);
        assert_int_equal(rove_run_with(&options, run_out_of_descriptors, &warnings, NULL), 0);
        rv_test_settle();
        rv_test_usage_check(&before);
    }
}

enum { CHURN = RV_TSAN ? 1000 : 10000, CHURN_TASKS = 20 };

static int churn(void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < CHURN / CHURN_TASKS; i++) {
        rove_stream *s;
        RV_REQUIRE_EQ(dial(arg, &s), 0);
        /* Reset instead of a farewell: ports that linger would run out. */
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(rove_stream_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        if (i % 2 == 0) {
            RV_REQUIRE_EQ(rove_stream_write(s, "hi\n", 3), 0);
            RV_REQUIRE_EQ(expect_line(s, "hi\n"), 0);
        }
        RV_REQUIRE_EQ(rove_stream_close(s), 0);
    }
    return 0;
}

/* Goal: ten thousand connections leave nothing behind (the fixture looks). */
static int serve_ten_thousand(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_server *server = NULL;
    rove_task *tasks[CHURN_TASKS];
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo_lines, NULL, NULL, &server), 0);
    for (int i = 0; i < CHURN_TASKS; i++) {
        tasks[i] = rove_create_task(churn, server);
    }
    for (int i = 0; i < CHURN_TASKS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
    return 0;
}

static void test_server_of_ten_thousand_connections_leaks_nothing(void **state)
{
    (void)state;
    rv_test_run_on(2, serve_ten_thousand, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_outside_a_task_is_refused),
        cmocka_unit_test(test_server_arguments_are_refused),
        cmocka_unit_test(test_server_serves_many_at_once),
        cmocka_unit_test(test_server_hands_over_and_closes),
        cmocka_unit_test(test_server_on_a_unix_path_removes_its_file),
        cmocka_unit_test(test_server_max_connections_holds),
        cmocka_unit_test(test_server_reuse_port_shares),
        cmocka_unit_test(test_server_idle_timeout_ends_a_silent_read),
        cmocka_unit_test(test_server_stop_cancels_what_the_grace_left),
        cmocka_unit_test(test_server_stop_does_not_wait_for_a_peer_that_does_not_read),
        cmocka_unit_test(test_server_stop_cancelled_cancels_the_handlers),
        cmocka_unit_test(test_server_without_descriptors_pauses_and_goes_on),
        cmocka_unit_test(test_server_of_ten_thousand_connections_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

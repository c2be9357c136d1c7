// SPDX-License-Identifier: MIT
/*
 * Purpose: what a server or a process lends: streams that their user closes although their owner
 *          will, a server that is stopped by its own handler, or by nobody.
 */
#include "support/fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int dial(const rove_server *server)
{
    char address[32];
    snprintf(address, sizeof(address), "127.0.0.1:%d", rove_server_port(server));
    return rove_dial(address);
}

/* As asyncio's handlers do: writer.close(), await writer.wait_closed(). */
static int close_twice(rove_stream *s, RV_UNUSED void *ctx)
{
    char byte;
    RV_EXPECT_EQ(rove_stream_write(s, "bye", 3), 0);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    RV_EXPECT_EQ(rove_stream_fd(s), -EBADF);
    RV_EXPECT_EQ(rove_stream_write(s, "more", 4), -EPIPE);
    RV_EXPECT_EQ(rove_stream_read(s, &byte, 1), -EBADF);
    return 0;
}

RV_TASK_TEST(test_lent_stream_of_a_server_may_be_closed_by_its_handler)
{
    rove_server *server = NULL;
    char got[8];
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", close_twice, NULL, NULL, &server), 0);
    int fd = dial(server);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_read_all(fd, got, sizeof(got)), 3);
    RV_EXPECT_EQ(rove_close(fd), 0);
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
    return 0;
}

/* As asyncio's users do: process.stdin.close(), await process.wait(). */
RV_TASK_TEST(test_lent_stream_of_a_process_may_be_closed)
{
    char *argv[] = {"/bin/cat", NULL};
    const rove_process_options options = {.argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE};
    rove_process *p = NULL;
    char got[8];
    RV_REQUIRE_EQ(rove_process_start(&options, &p), 0);
    RV_EXPECT_EQ(rove_stream_write(rove_process_stdin(p), "miaow", 5), 0);
    RV_EXPECT_EQ(rove_stream_close(rove_process_stdin(p)), 0);
    RV_EXPECT_EQ(rove_stream_write(rove_process_stdin(p), "more", 4), -EPIPE);
    RV_EXPECT_EQ(rove_stream_read_exactly(rove_process_stdout(p), got, 5), 5);
    RV_EXPECT_EQ(rove_stream_read(rove_process_stdout(p), got, 1), 0);
    RV_EXPECT_EQ(rove_stream_close(rove_process_stdout(p)), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    return 0;
}

static int stop_own_server(RV_UNUSED rove_stream *s, void *ctx)
{
    RV_EXPECT_EQ(rove_server_stop(*(rove_server **)ctx, ROVE_FOREVER), -EDEADLK);
    return 0;
}

RV_TASK_TEST(test_lent_server_cannot_be_stopped_by_its_own_handler)
{
    rove_server *server = NULL;
    char byte;
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", stop_own_server, &server, NULL, &server), 0);
    for (int i = 0; i < 2; i++) { /* it goes on serving */
        int fd = dial(server);
        RV_REQUIRE(fd >= 0);
        RV_EXPECT_EQ(rove_read(fd, &byte, 1), 0);
        RV_EXPECT_EQ(rove_close(fd), 0);
    }
    RV_EXPECT_EQ(rove_server_stop(server, ROVE_FOREVER), 0);
    return 0;
}

struct left {
    rove_server *server;
    int port;
};

static int stop_it(void *arg, RV_UNUSED void **result)
{
    return rove_server_stop(arg, 0);
}

static int leave_it_running(void *arg, RV_UNUSED void **result)
{
    struct left *left = arg;
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", close_twice, NULL, NULL, &left->server), 0);
    left->port = rove_server_port(left->server);
    RV_EXPECT_EQ(rove_to_thread(stop_it, left->server, NULL), -EPERM); /* no task, and it runs */
    return 0;
}

static int error_of_connect(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ? errno : 0;
    close(fd);
    return error;
}

/* Its peers are to be refused, and not to wait in a queue that nobody serves; and who has the
 * handle can still give it back, with no runtime left. */
static void test_lent_server_left_running_gives_its_port_back(void **state)
{
    (void)state;
    struct left left = {0};
    assert_int_equal(rove_run(leave_it_running, &left, NULL), 0);
    assert_int_equal(error_of_connect(left.port), ECONNREFUSED);
    assert_int_equal(rove_server_stop(left.server, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lent_stream_of_a_server_may_be_closed_by_its_handler),
        cmocka_unit_test(test_lent_stream_of_a_process_may_be_closed),
        cmocka_unit_test(test_lent_server_cannot_be_stopped_by_its_own_handler),
        cmocka_unit_test(test_lent_server_left_running_gives_its_port_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

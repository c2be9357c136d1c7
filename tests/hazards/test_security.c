// SPDX-License-Identifier: MIT
/*
 * Purpose: rows of docs/security.md that no other test shows.
 */
#include "support/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int echo(rove_stream *s, RV_UNUSED void *ctx)
{
    const char *line;
    ssize_t n = rove_stream_read_line(s, &line);
    int rc = n < 0 ? (int)n : rove_stream_write(s, line, (size_t)n);
    return rc < 0 ? rc : rove_stream_flush(s);
}

static int do_nothing(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

/* How many descriptors from the third on a program started now would inherit. */
static int count_inherited(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    RV_EXPECT(dir != NULL);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(dir)) {
            count += (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static int inherited_before;

/* Opens one of everything, and looks while all are open. */
static int open_everything(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    char address[32];
    const char *line;
    rove_server *server;
    rove_stream *s;
    rove_process *p;
    char *const argv[] = {(char *)(uintptr_t)"cat", NULL};
    rove_process_options how = {.argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE};
    RV_REQUIRE_EQ(rove_server_start("127.0.0.1:0", echo, NULL, NULL, &server), 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", rove_server_port(server));
    RV_REQUIRE_EQ(rove_stream_dial(address, &s), 0);
    RV_REQUIRE_EQ(rove_stream_write(s, "hello\n", 6), 0);
    RV_REQUIRE_EQ(rove_process_start(&how, &p), 0);
    RV_REQUIRE_EQ(rove_to_thread(do_nothing, NULL, NULL), 0);
    RV_EXPECT_EQ(count_inherited(), inherited_before); /* the server has accepted, or will */
    RV_REQUIRE_EQ(rove_stream_read_line(s, &line), 6);
    RV_EXPECT_EQ(count_inherited(), inherited_before);
    RV_EXPECT_EQ(rove_process_kill(p, 9), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 256 + 9);
    rove_process_release(p);
    RV_EXPECT_EQ(rove_stream_close(s), 0);
    return rove_server_stop(server, ROVE_SEC(5));
}

/* Goal: no descriptor of the library outlives an exec. Method: flags of all that are open while a
 * server, a connection, a child with pipes and a pool thread are there. */
static void test_security_own_descriptors_close_on_exec(RV_UNUSED void **state)
{
    inherited_before = count_inherited();
    rv_test_run(open_everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_security_own_descriptors_close_on_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/edge: TCP sockets that are registered once. No byte, end or error is waited for in
 *          vain, whatever the edges told and whoever closes the number behind our back.
 * Method:  each connection talks until its slot says that edges are on; then comes the odd thing.
 */
#include "io/edge.h"

#include "support/fixture.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 6, BULK_BYTES = 100000 };

struct line {
    int near, far; /* two ends of a TCP connection */
};

static void run_on_epoll(rove_coro *body)
{
    RV_FOR_EACH_WORKERS(workers) {
        rove_options options = {.workers = workers, .backend = ROVE_BACKEND_EPOLL};
        rv_test_run_with(&options, body, NULL);
    }
}

static struct rv_fd_slot *slot_of(int fd)
{
    return rv_fdtab_find(&rv_io_of(rv_current_task()->runtime)->fds, fd);
}

static bool is_on(int fd)
{
    return (rv_load_relaxed(&slot_of(fd)->edge) & RV_EDGE_ON) != 0;
}

/* Until some task has told nobody but the slot that it waits on fd. */
static void await_waiter(int fd)
{
    bool is_there = false;
    while (!is_there) {
        struct rv_fd_slot *slot = slot_of(fd);
        (void)rove_yield();
        if (slot != NULL) {
            rv_lock_acquire(&slot->lock);
            is_there = slot->first != NULL;
            rv_lock_release(&slot->lock);
        }
    }
}

static int connect_line(struct line *line)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE(listener >= 0);
    RV_REQUIRE_EQ(bind(listener, (struct sockaddr *)&at, len), 0);
    RV_REQUIRE_EQ(listen(listener, 1), 0);
    RV_REQUIRE_EQ(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    line->far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    RV_REQUIRE_EQ(connect(line->far, (struct sockaddr *)&at, len), 0);
    line->near = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    RV_REQUIRE(line->near >= 0);
    return close(listener);
}

static int receive_one(void *arg, RV_UNUSED void **result)
{
    unsigned char bytes[16];
    ssize_t n = rove_recv(*(const int *)arg, bytes, sizeof bytes, 0);
    return n == 1 ? bytes[0] : (int)n;
}

/* A byte for somebody who waits for it already. */
static int talk(const struct line *line, int fd)
{
    rove_task *reader = rove_create_task(receive_one, &fd);
    await_waiter(fd);
    RV_REQUIRE_EQ(send(line->far, "x", 1, MSG_NOSIGNAL), 1);
    RV_REQUIRE_EQ(rove_join(reader, NULL), 'x');
    return 0;
}

static int talk_until_on(const struct line *line)
{
    for (int i = 0; i <= RV_EDGE_AFTER + 1; i++) {
        RV_REQUIRE_EQ(talk(line, line->near), 0);
    }
    RV_REQUIRE(is_on(line->near));
    return 0;
}

static int open_line(struct line *line)
{
    RV_REQUIRE_EQ(connect_line(line), 0);
    return talk_until_on(line);
}

static int close_line(const struct line *line)
{
    close(line->far);
    return rove_close(line->near);
}

static int foreign_close_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_epoll *e = rv_current_task()->runtime->poll_data;
    struct line line, other;
    RV_REQUIRE_EQ(open_line(&line), 0);
    RV_REQUIRE_EQ(connect_line(&other), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&e->has_lied), 0);
    RV_REQUIRE_EQ(dup3(other.near, line.near, O_CLOEXEC), line.near); /* nobody tells us */
    close(other.near);
    other.near = line.near;
    close(line.far);
    RV_EXPECT_EQ(talk(&other, other.near), 0); /* no edge of this file can come */
    RV_EXPECT_EQ(rv_load_relaxed(&e->has_lied), 1);
    for (int i = 0; i < 2 * RV_EDGE_AFTER; i++) {
        RV_REQUIRE_EQ(talk(&other, other.near), 0);
    }
    RV_EXPECT(!is_on(other.near)); /* once is enough */
    return close_line(&other);
}

/* Goal: a number that means another file now is not waited on for ever, and never trusted again. */
static void test_edge_number_closed_behind_our_back_is_found_out(void **state)
{
    (void)state;
    run_on_epoll(foreign_close_body);
}

static int end_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[16];
        struct line line;
        RV_REQUIRE_EQ(open_line(&line), 0);
        RV_REQUIRE_EQ(send(line.far, "abc", 3, MSG_NOSIGNAL), 3);
        close(line.far); /* the end comes with the bytes, or just after */
        RV_EXPECT_EQ(rove_recv(line.near, bytes, sizeof bytes, 0), 3);
        RV_EXPECT_EQ(rove_recv(line.near, bytes, sizeof bytes, 0), 0);
        RV_EXPECT_EQ(rove_recv(line.near, bytes, sizeof bytes, 0), 0);
        RV_EXPECT_EQ(rove_close(line.near), 0);
    }
    return 0;
}

/* Goal: a short read does not hide the end that came with it. */
static void test_edge_end_behind_bytes_is_seen(void **state)
{
    (void)state;
    run_on_epoll(end_body);
}

static int urgent_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[16] = "";
        size_t got = 0;
        struct line line;
        RV_REQUIRE_EQ(open_line(&line), 0);
        RV_REQUIRE_EQ(send(line.far, "ab", 2, MSG_NOSIGNAL), 2);
        RV_REQUIRE_EQ(send(line.far, "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
        RV_REQUIRE_EQ(send(line.far, "cd", 2, MSG_NOSIGNAL), 2);
        while (got < 4) { /* a read ends at the mark, though there is more behind it */
            ssize_t n = rove_recv(line.near, bytes + got, sizeof bytes - got, 0);
            RV_REQUIRE(n > 0);
            got += (size_t)n;
        }
        RV_EXPECT_STR(bytes, "abcd");
        RV_EXPECT_EQ(close_line(&line), 0);
    }
    return 0;
}

/* Goal: neither does it hide bytes behind an urgent one. */
static void test_edge_bytes_behind_an_urgent_one_come(void **state)
{
    (void)state;
    run_on_epoll(urgent_body);
}

static int receive_to_the_end(void *arg, RV_UNUSED void **result)
{
    char few[7];
    int sum = 0;
    ssize_t n;
    while ((n = rove_recv(*(const int *)arg, few, sizeof few, 0)) > 0) {
        sum += (int)n;
    }
    return n < 0 ? (int)n : sum;
}

static int bulk_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static const char bytes[1000];
    struct line line;
    int sum = 0;
    rove_task *readers[3];
    RV_REQUIRE_EQ(open_line(&line), 0);
    for (int i = 0; i < 3; i++) {
        readers[i] = rove_create_task(receive_to_the_end, &line.near);
    }
    for (int sent = 0; sent < BULK_BYTES; sent += (int)sizeof bytes) {
        RV_REQUIRE_EQ(rove_send(line.far, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
    }
    RV_EXPECT_EQ(shutdown(line.far, SHUT_WR), 0);
    for (int i = 0; i < 3; i++) {
        sum += rove_join(readers[i], NULL);
    }
    RV_EXPECT_EQ(sum, BULK_BYTES);
    return close_line(&line);
}

/* Goal: several readers of one socket get all bytes between them, and each the end. */
static void test_edge_readers_share_all_bytes(void **state)
{
    (void)state;
    run_on_epoll(bulk_body);
}

static int other_wait_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    unsigned char byte = 0;
    struct line line;
    RV_REQUIRE_EQ(open_line(&line), 0);
    RV_REQUIRE_EQ(send(line.far, "p", 1, MSG_NOSIGNAL), 1);
    RV_EXPECT_EQ(rove_poll(line.near, POLLIN, ROVE_FOREVER), POLLIN);
    RV_EXPECT_EQ(rove_recv(line.near, &byte, 1, MSG_PEEK), 1);
    RV_EXPECT_EQ(rove_recv(line.near, &byte, 1, 0), 1);
    RV_EXPECT_EQ(rove_recv(line.near, &byte, 1, MSG_DONTWAIT), -EAGAIN);
    rove_timeout limit;
    rove_timeout_enter(&limit, ROVE_MS(2)); /* no edge can tell of this: it is asked for */
    RV_EXPECT_EQ(rove_timeout_exit(&limit, rove_poll(line.near, POLLPRI, ROVE_FOREVER)),
                 -ETIMEDOUT);
    RV_EXPECT(!is_on(line.near));
    RV_EXPECT_EQ(talk_until_on(&line), 0);
    return close_line(&line);
}

/* Goal: waits of other kinds end the edges, and sooner or later they are on again. */
static void test_edge_other_waits_are_told_to_the_kernel(void **state)
{
    (void)state;
    run_on_epoll(other_wait_body);
}

static int copy_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct line line, other;
    RV_REQUIRE_EQ(open_line(&line), 0);
    RV_REQUIRE_EQ(connect_line(&other), 0);
    int copy = fcntl(line.near, F_DUPFD_CLOEXEC, 0);
    RV_EXPECT_EQ(rove_close(line.near), 0);
    RV_REQUIRE_EQ(dup3(other.near, line.near, O_CLOEXEC), line.near);
    RV_EXPECT_EQ(send(line.far, "q", 1, MSG_NOSIGNAL), 1); /* the copy's, not the new file's */
    RV_EXPECT_EQ(talk(&other, line.near), 0);
    RV_EXPECT_EQ(rove_close(line.near), 0);
    RV_EXPECT_EQ(rove_close(copy), 0);
    close(line.far);
    return close_line(&other);
}

/* Goal: a file that lives on elsewhere does not speak for the next one of its number. */
static void test_edge_copy_of_a_closed_socket_is_silent(void **state)
{
    (void)state;
    run_on_epoll(copy_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_number_closed_behind_our_back_is_found_out),
        cmocka_unit_test(test_edge_end_behind_bytes_is_seen),
        cmocka_unit_test(test_edge_bytes_behind_an_urgent_one_come),
        cmocka_unit_test(test_edge_readers_share_all_bytes),
        cmocka_unit_test(test_edge_other_waits_are_told_to_the_kernel),
        cmocka_unit_test(test_edge_copy_of_a_closed_socket_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

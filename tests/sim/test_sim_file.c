// SPDX-License-Identifier: MIT
/*
 * Purpose: io/sim_file.h: simulated descriptors behave as the kernel's do at one instant.
 */
#include "io/sim_file.h"

#include "core/base.h"
#include "machine.h"

#include <errno.h>
#include <poll.h>

enum { SEEDS = 30, BYTES = 5000, PORT = 8080 };

static struct rv_sim_file *file(int fd)
{
    return rv_sim_file_get(fd);
}

/* Goal: numbers count from 3, the lowest free one first; a closed one is nobody's; they run out. */
static void check_numbers(void *ctx)
{
    int fd;
    int n = 0;
    (void)ctx;
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_open_event(0, false) == 3);
    RV_SEE(rv_sim_file_open_socket(true) == 4);
    RV_SEE(rv_sim_file_open_event(5, true) == 5);
    RV_SEE(rv_sim_file_open_count() == 3);
    RV_SEE(file(4)->is_nonblocking && !file(3)->is_nonblocking && file(5)->count == 5);
    RV_SEE(rv_sim_file_close(4) == 0);
    RV_SEE(rv_sim_file_close(4) == -EBADF && file(4) == NULL && file(-1) == NULL);
    RV_SEE(rv_sim_file_open_socket(false) == 4);
    while ((fd = rv_sim_file_open_event(0, false)) >= 0)
        n++;
    RV_SEE(fd == -EMFILE && n > 1000);
    for (fd = 3; file(fd) != NULL; fd++)
        RV_SEE(rv_sim_file_close(fd) == 0);
    RV_SEE(rv_sim_file_open_count() == 0);
    rv_sim_file_spend_numbers();
    for (int last = 0; last < 20; last = fd) {
        fd = rv_sim_file_open_event(0, false);
        RV_SEE(fd > last);
        RV_SEE(rv_sim_file_close(fd) == 0);
    }
    rv_sim_kernel_leave();
}

/* Goal: an event counter adds up, gives all at once, and says when there is something. */
static void check_events(void *ctx)
{
    uint64_t value = 7;
    char small[4];
    (void)ctx;
    rv_sim_kernel_enter();
    struct rv_sim_file *f = file(rv_sim_file_open_event(0, false));
    RV_SEE(rv_sim_file_read(f, &value, 8, false) == -EAGAIN);
    RV_SEE(rv_sim_file_events(f) == POLLOUT);
    RV_SEE(rv_sim_file_write(f, &value, 8) == 8 && rv_sim_file_write(f, &value, 8) == 8);
    RV_SEE(rv_sim_file_events(f) == (POLLIN | POLLOUT));
    RV_SEE(rv_sim_file_read(f, small, 4, false) == -EINVAL);
    RV_SEE(rv_sim_file_write(f, small, 4) == -EINVAL);
    RV_SEE(rv_sim_file_read(f, &value, 8, false) == 8 && value == 14);
    RV_SEE(rv_sim_file_read(f, &value, 8, false) == -EAGAIN);
    RV_SEE(rv_sim_file_close(3) == 0);
    rv_sim_kernel_leave();
}

/* All bytes come through in order, in whatever pieces; how many transfers were short. */
static unsigned pump(int from, int to)
{
    static unsigned char text[BYTES];
    static unsigned char got[BYTES];
    size_t sent = 0;
    size_t received = 0;
    unsigned pieces = 0;
    for (size_t i = 0; i < BYTES; i++)
        text[i] = (unsigned char)(i * 31 + i / 256);
    while (received < BYTES) {
        ssize_t n = sent < BYTES ? rv_sim_file_write(file(to), text + sent, BYTES - sent) : 0;
        RV_SEE(n >= 0 || n == -EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        unsigned char peeked = 0;
        if (rv_sim_file_read(file(from), &peeked, 1, true) == 1)
            RV_SEE(peeked == text[received]);
        n = rv_sim_file_read(file(from), got + received, BYTES - received, false);
        RV_SEE(n > 0);
        received += n > 0 ? (size_t)n : BYTES;
        pieces++;
    }
    RV_SEE(memcmp(text, got, BYTES) == 0);
    return pieces;
}

/* Goal: a pipe is a queue of bytes with two ends, each of which tells of the other's end. */
static void check_pipe(void *ctx)
{
    int fds[2];
    char byte;
    (void)ctx;
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_open_pipe(fds) == 0);
    RV_SEE(rv_sim_file_read(file(fds[0]), &byte, 1, false) == -EAGAIN);
    RV_SEE(rv_sim_file_events(file(fds[0])) == 0 && rv_sim_file_events(file(fds[1])) == POLLOUT);
    RV_SEE(rv_sim_file_write(file(fds[0]), "x", 1) == -EBADF);
    RV_SEE(rv_sim_file_read(file(fds[1]), &byte, 1, false) == -EBADF);
    (void)pump(fds[0], fds[1]);
    while (rv_sim_file_write(file(fds[1]), "z", 1) == 1) {
    }
    RV_SEE(rv_sim_file_write(file(fds[1]), "z", 1) == -EAGAIN);
    RV_SEE(rv_sim_file_events(file(fds[1])) == 0);
    RV_SEE(rv_sim_file_close(fds[1]) == 0);
    RV_SEE(rv_sim_file_events(file(fds[0])) == (POLLIN | POLLHUP));
    while (rv_sim_file_read(file(fds[0]), &byte, 1, false) == 1)
        RV_SEE(byte == 'z'); /* what was written before the end is read first */
    RV_SEE(rv_sim_file_read(file(fds[0]), &byte, 1, false) == 0);
    RV_SEE(rv_sim_file_close(fds[0]) == 0);
    RV_SEE(rv_sim_file_open_pipe(fds) == 0);
    RV_SEE(rv_sim_file_close(fds[0]) == 0);
    RV_SEE(rv_sim_file_write(file(fds[1]), "x", 1) == -EPIPE);
    RV_SEE((rv_sim_file_events(file(fds[1])) & POLLERR) != 0);
    RV_SEE(rv_sim_file_close(fds[1]) == 0);
    rv_sim_kernel_leave();
}

/* Goal: sockets carry both ways; a shutdown ends one of them. */
static void check_pair(void *ctx)
{
    int fds[2];
    char byte;
    (void)ctx;
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_open_pair(fds) == 0);
    (void)pump(fds[0], fds[1]);
    (void)pump(fds[1], fds[0]);
    RV_SEE(rv_sim_file_shutdown(file(fds[0]), SHUT_WR) == 0);
    RV_SEE(rv_sim_file_read(file(fds[1]), &byte, 1, false) == 0);
    RV_SEE(rv_sim_file_write(file(fds[0]), "x", 1) == -EPIPE);
    (void)pump(fds[0], fds[1]); /* the other way goes on */
    RV_SEE(rv_sim_file_close(fds[0]) == 0);
    RV_SEE((rv_sim_file_events(file(fds[1])) & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
    RV_SEE(rv_sim_file_write(file(fds[1]), "x", 1) == -EPIPE);
    RV_SEE(rv_sim_file_close(fds[1]) == 0);
    rv_sim_kernel_leave();
}

/* Goal: connections queue at a listener up to its backlog, come out in order, and end with it. */
static void check_listener(void *ctx)
{
    int clients[3];
    char byte;
    (void)ctx;
    rv_sim_kernel_enter();
    int listener = rv_sim_file_open_socket(false);
    int other = rv_sim_file_open_socket(false);
    RV_SEE(rv_sim_file_listen(file(listener), 2) == -EINVAL); /* bound to nothing */
    RV_SEE(rv_sim_file_bind(file(listener), PORT) == 0);
    RV_SEE(rv_sim_file_connect(file(other), PORT) == -ECONNREFUSED);
    RV_SEE(rv_sim_file_listen(file(listener), 2) == 0);
    RV_SEE(rv_sim_file_bind(file(other), PORT) == -EADDRINUSE);
    RV_SEE(rv_sim_file_bind(file(other), 0) == 0 && file(other)->port != 0);
    RV_SEE(rv_sim_file_accept(file(listener), false) == -EAGAIN);
    RV_SEE(rv_sim_file_events(file(listener)) == 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = rv_sim_file_open_socket(false);
        RV_SEE(rv_sim_file_read(file(clients[i]), &byte, 1, false) == -ENOTCONN);
        RV_SEE(rv_sim_file_connect(file(clients[i]), PORT) == (i < 2 ? 0 : -EAGAIN));
    }
    RV_SEE(rv_sim_file_connect(file(clients[0]), PORT) == -EISCONN);
    RV_SEE(rv_sim_file_events(file(listener)) == POLLIN);
    RV_SEE(rv_sim_file_write(file(clients[0]), "a", 1) == 1);
    int server = rv_sim_file_accept(file(listener), true);
    RV_SEE(file(server)->is_nonblocking && file(server)->peer == file(clients[0]));
    RV_SEE(rv_sim_file_read(file(server), &byte, 1, false) == 1 && byte == 'a');
    RV_SEE(rv_sim_file_connect(file(clients[2]), PORT) == 0); /* there is room again */
    RV_SEE(rv_sim_file_close(listener) == 0);
    RV_SEE(rv_sim_file_read(file(clients[1]), &byte, 1, false) == 0); /* never accepted */
    RV_SEE(rv_sim_file_connect(file(other), PORT) == -ECONNREFUSED);
    for (int fd = 3; fd < 12; fd++)
        (void)rv_sim_file_close(fd);
    RV_SEE(rv_sim_file_open_count() == 0);
    rv_sim_kernel_leave();
}

static void test_sim_file_follows_the_kernel(void **state)
{
    static void (*const bodies[])(void *) = {check_numbers, check_events, check_pipe, check_pair,
                                             check_listener};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(bodies); i++)
        rv_machine_run(SEEDS, false, bodies[i], NULL);
}

static void count_pieces(void *ctx)
{
    int fds[2];
    rv_sim_kernel_enter();
    (void)rv_sim_file_open_pair(fds);
    *(unsigned *)ctx = pump(fds[0], fds[1]);
    (void)rv_sim_file_close(fds[0]);
    (void)rv_sim_file_close(fds[1]);
    rv_sim_kernel_leave();
}

/* Goal: with faults transfers are short at times, and nothing is lost by it. */
static void test_sim_file_faults_make_short_transfers(void **state)
{
    unsigned more = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        unsigned smooth = 0;
        unsigned faulty = 0;
        (void)rv_machine_try(seed, false, count_pieces, &smooth);
        (void)rv_machine_try(seed, true, count_pieces, &faulty);
        more += faulty > smooth;
    }
    assert_true(more > SEEDS / 2);
}

static void hold_and_close(void *ctx)
{
    int fds[2];
    (void)ctx;
    rv_sim_kernel_enter();
    (void)rv_sim_file_open_pair(fds);
    struct rv_sim_file *held = rv_sim_file_retain(file(fds[0]));
    RV_SEE(rv_sim_file_close(fds[0]) == 0);
    RV_SEE(rv_sim_file_write(held, "x", 1) == 1); /* and its peer has seen no end */
    RV_SEE((rv_sim_file_events(file(fds[1])) & (POLLHUP | POLLRDHUP)) == 0);
    RV_SEE(rv_sim_file_open_event(0, false) == fds[0]); /* the number is free, the file is not */
    RV_SEE(rv_sim_file_get(fds[0]) != held);
    rv_sim_file_release(held);
    RV_SEE((rv_sim_file_events(file(fds[1])) & POLLRDHUP) != 0);
    RV_SEE(rv_sim_file_close(fds[0]) == 0 && rv_sim_file_close(fds[1]) == 0);
    rv_sim_kernel_leave();
}

/* Goal: an operation in flight keeps a closed file, not its number. */
static void test_sim_file_outlives_its_number(void **state)
{
    (void)state;
    rv_machine_run(5, false, hold_and_close, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_file_follows_the_kernel),
        cmocka_unit_test(test_sim_file_faults_make_short_transfers),
        cmocka_unit_test(test_sim_file_outlives_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: fuzz what the kernel answers: when each operation ends, in which order, how short, with
 *          which error.
 *
 * Idea: the bytes are the tape of the simulated kernel (core/sim_tape.h), so they decide which
 * completion the reactor sees next and what is in it; the last one is the seed, from which the
 * rest follows. The program is the same each time: bytes from one socket to another, read in
 * pieces and at times against the clock, a server that answers callers, a reader whose descriptor
 * is closed. No byte may be lost or doubled, no buffer may be the kernel's after its call came
 * back, and all must be given back.
 */
#include "fuzz/target.h"

#include "core/sim_tape.h"

#include <stdbool.h>
#include <string.h>

enum { BYTES = 30, PIECE = 24, CALLERS = 1 };

#define ADDRESS "127.0.0.1:4711" /* of the simulated machine */

struct way {
    int from, to;
    size_t sent, seen;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + 7);
}

static void require_ours(uint8_t *buf, size_t n)
{
    rv_require(!rove_sim_owns(buf, n), "a buffer is the caller's again");
    memset(buf, 0xa5, n);
}

static int send_all(void *arg, void **result)
{
    struct way *w = arg;
    uint8_t buf[PIECE];
    (void)result;
    while (w->sent < BYTES) {
        size_t n = 1 + w->sent * 7 % PIECE;
        n = n < BYTES - w->sent ? n : BYTES - w->sent;
        for (size_t i = 0; i < n; i++) {
            buf[i] = byte_at(w->sent + i);
        }
        ssize_t rc = rove_write(w->to, buf, n);
        rv_require(rc > 0 && (size_t)rc <= n, "a piece is sent");
        require_ours(buf, sizeof buf);
        w->sent += (size_t)rc;
    }
    return rove_shutdown(w->to, SHUT_WR);
}

/* A piece, every other one against the clock: how many bytes, or -EAGAIN. */
static ssize_t read_piece(struct way *w, bool is_hurried)
{
    uint8_t buf[PIECE];
    rove_timeout limit;
    if (is_hurried) {
        rove_timeout_enter(&limit, ROVE_US(2));
    }
    ssize_t n = rove_read(w->from, buf, 1 + w->seen * 5 % PIECE);
    for (ssize_t i = 0; i < n; i++) {
        rv_require(buf[i] == byte_at(w->seen + (size_t)i), "the next bytes of the way");
    }
    w->seen += n > 0 ? (size_t)n : 0;
    require_ours(buf, sizeof buf);
    if (is_hurried) {
        int rc = rove_timeout_exit(&limit, n < 0 ? (int)n : 0);
        rv_require(rc == -ETIMEDOUT || rc == (n < 0 ? (int)n : 0), "the scope's outcome");
        n = rc == -ETIMEDOUT && n == -ECANCELED ? -EAGAIN : n;
    }
    return n;
}

static int receive_all(void *arg, void **result)
{
    struct way *w = arg;
    ssize_t n = 1;
    (void)result;
    for (unsigned i = 0; n != 0; i++) {
        n = read_piece(w, i % 2 == 1);
        rv_require(n >= 0 || n == -EAGAIN, "a read");
    }
    return w->seen == BYTES ? 0 : -ENODATA;
}

static int read_for_ever(void *arg, void **result)
{
    uint8_t buf[PIECE];
    (void)result;
    ssize_t rc = rove_read(*(const int *)arg, buf, sizeof buf);
    rv_require(rc == -ECANCELED || rc == -EBADF, "a close ends what others wait for");
    require_ours(buf, sizeof buf);
    return 0;
}

/* A byte in, the next one out. A connection that breaks is the caller's to make again. */
static int serve(void *arg, void **result)
{
    int listener = *(const int *)arg;
    (void)result;
    for (unsigned served = 0; served < CALLERS;) {
        uint8_t byte = 0;
        int fd = rove_accept(listener, NULL, NULL, SOCK_CLOEXEC);
        rv_require(fd >= 0 || fd == -EMFILE || fd == -ECONNABORTED, "an accept");
        if (fd >= 0) {
            bool has_asked = rove_read(fd, &byte, 1) == 1;
            byte++;
            served += has_asked && rove_write(fd, &byte, 1) == 1;
            rv_require(rove_close(fd) == 0, "a connection is closed");
        }
    }
    return 0;
}

static int call(void *arg, void **result)
{
    uint8_t sent = 41, got = 0;
    (void)arg;
    (void)result;
    while (got == 0) {
        int fd = rove_dial(ADDRESS);
        rv_require(fd >= 0 || fd == -EMFILE || fd == -ECONNREFUSED, "a connection");
        if (fd >= 0) {
            ssize_t n = rove_write(fd, &sent, 1) == 1 ? rove_read(fd, &got, 1) : 0;
            rv_require(n != 1 || got == sent + 1, "the answer to this question");
            rv_require(rove_close(fd) == 0, "a connection is closed");
        }
    }
    return 0;
}

static int run(void *arg, void **result)
{
    int pair[2], closed[2], rc;
    (void)arg;
    (void)result;
    rv_require(rove_sim_socketpair(pair) == 0 && rove_sim_socketpair(closed) == 0, "sockets");
    int listener = rove_listen(ADDRESS, CALLERS);
    rv_require(listener >= 0, "a listener");
    struct way there = {.from = pair[1], .to = pair[0]};
    rove_call calls[] = {{send_all, &there}, {receive_all, &there}, {serve, &listener},
                         {call, NULL}};
    rove_task *t = rove_create_task(read_for_ever, &closed[0]);
    rv_require(t != NULL, "memory");
    rc = rove_gather_calls(sizeof calls / sizeof calls[0], calls, NULL);
    rv_require(rc == 0, "everything comes to its end");
    rv_require(rove_close(closed[0]) == 0, "what another reads from is closed");
    rv_require(rove_join(t, NULL) == 0, "and it comes back");
    rv_require(rove_close(closed[1]) == 0 && rove_close(listener) == 0, "the rest is closed");
    return rove_close(pair[0]) == 0 && rove_close(pair[1]) == 0 ? 0 : -EBADF;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rv_input in = {data, size, 0};
    rv_sim_tape_set(data, size == 0 ? 0 : size - 1);
    rv_target_run(run, &in);
    rv_sim_tape_set(NULL, 0);
    return 0;
}

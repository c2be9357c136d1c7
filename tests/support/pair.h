// SPDX-License-Identifier: MIT
/*
 * Purpose: two connected streams, for the tests of streams.
 */
#ifndef RV_TESTS_PAIR_H
#define RV_TESTS_PAIR_H

#include "io/stream.h"
#include "support/fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct rv_pair {
    rove_stream *a, *b;
};

/* UNIX stream sockets: 0, or RV_TEST_FAILED. */
static inline int rv_pair_open(struct rv_pair *p)
{
    *p = (struct rv_pair){0};
    int fds[2];
    RV_REQUIRE_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    p->a = rove_stream_open(fds[0]);
    p->b = rove_stream_open(fds[1]);
    RV_REQUIRE(p->a != NULL && p->b != NULL);
    return 0;
}

static inline int rv_pair_close(struct rv_pair *p)
{
    int rc = rove_stream_close(p->a);
    int other = rove_stream_close(p->b);
    return rc < 0 ? rc : other;
}

/* Writes and flushes. */
static inline int rv_pair_put(rove_stream *s, const char *text)
{
    int rc = rove_stream_write(s, text, strlen(text));
    return rc < 0 ? rc : rove_stream_flush(s);
}

#endif

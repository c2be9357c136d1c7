// SPDX-License-Identifier: MIT
/*
 * Purpose: a reader and a writer wait on one descriptor at the same time, see scenario.h.
 *
 * Idea: the writer fills the socket; the far end answers only when it has everything. When room
 * comes, the writer is woken and the reader has to be waited for further.
 *
 *     reader  ----- waits for the answer -----------------------------> gets it
 *     writer  -- fills the socket, waits -> goes on .. -> done
 *     far end                          reads all ------> answers
 */
#include "fault/scenario.h"

#include "core/base.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { LOAD_BYTES = 256 * 1024, CHUNK_BYTES = 4096 };

struct duplex {
    int near, far;
};

static int write_load(void *arg, RV_UNUSED void **result)
{
    static const char load[LOAD_BYTES];
    const struct duplex *d = arg;
    ssize_t n = rove_write_all(d->near, load, sizeof load);
    return n < 0 ? (int)n : n == sizeof load ? 0 : -ENODATA; /* an error came after some bytes */
}

static int read_answer(void *arg, RV_UNUSED void **result)
{
    const struct duplex *d = arg;
    char answer[4];
    ssize_t n = rove_read_all(d->near, answer, sizeof answer);
    if (n < 0) {
        return (int)n;
    }
    /* Nothing at all: the far end gave up and closed its side. */
    return n == 0 ? -ENODATA : n == 4 && memcmp(answer, "done", 4) == 0 ? 0 : RV_SCENARIO_WRONG;
}

static int be_far_end(void *arg, RV_UNUSED void **result)
{
    const struct duplex *d = arg;
    char chunk[CHUNK_BYTES];
    size_t got = 0;
    ssize_t n = 1;
    while (n > 0 && got < LOAD_BYTES) {
        n = rove_read(d->far, chunk, sizeof chunk);
        got += n > 0 ? (size_t)n : 0;
    }
    if (got == LOAD_BYTES) {
        n = rove_write_all(d->far, "done", 4);
    }
    (void)rove_shutdown(d->far, SHUT_RDWR); /* whoever still waits is to see the end */
    return n < 0 ? (int)n : got == LOAD_BYTES ? 0 : -ENODATA;
}

int rv_scenario_duplex(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return -errno;
    }
    struct duplex d = {fds[0], fds[1]};
    const rove_call calls[] = {{read_answer, &d}, {write_load, &d}, {be_far_end, &d}};
    int rc = rove_gather_calls(RV_ARRAY_LEN(calls), calls, NULL);
    (void)rove_close(d.near);
    (void)rove_close(d.far);
    return rc;
}

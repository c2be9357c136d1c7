// SPDX-License-Identifier: MIT
/*
 * Purpose: the echo scenario: rove_server, streams, timeouts, over TCP on the loopback.
 */
#include "fault/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 300, ADDRESS_BYTES = 32 };

#define IDLE ROVE_SEC(2)      /* after which a bad peer is dropped; a good one is never so slow */
#define GRACE ROVE_MS(20)     /* for connections at the stop */

struct echo {
    const struct rv_scenario_settings *settings;
    char address[ADDRESS_BYTES];
};

static int echo_back(rove_stream *s, void *ctx)
{
    char data[MESSAGE_BYTES];
    (void)ctx;
    for (;;) {
        ssize_t n = rove_stream_read(s, data, sizeof data);
        if (n <= 0) {
            return (int)n;
        }
        int rc = rove_stream_write(s, data, (size_t)n);
        rc = rc < 0 ? rc : rove_stream_flush(s);
        if (rc < 0) {
            return rc;
        }
    }
}

static int one_round(rove_stream *s, unsigned round)
{
    char out[MESSAGE_BYTES];
    char in[MESSAGE_BYTES] = {0};
    memset(out, 'a' + (int)(round % 26), sizeof out);
    int rc = rove_stream_write(s, out, sizeof out);
    rc = rc < 0 ? rc : rove_stream_flush(s);
    ssize_t n = rc < 0 ? rc : rove_stream_read_exactly(s, in, sizeof in);
    if (n < 0) {
        return (int)n;
    }
    return n == sizeof in && memcmp(in, out, sizeof in) == 0 ? 0 : RV_SCENARIO_WRONG;
}

static int client(void *arg, void **result)
{
    const struct echo *e = arg;
    rove_stream *s = NULL;
    rove_timeout limit;
    (void)result;
    rove_timeout_enter(&limit, e->settings->patience);
    int rc = rove_stream_dial(e->address, &s);
    for (unsigned i = 0; rc == 0 && i < e->settings->rounds; i++) {
        rc = one_round(s, i);
    }
    if (s != NULL) {
        int closed = rove_stream_close(s);
        rc = rc < 0 ? rc : closed;
    }
    return rove_timeout_exit(&limit, rc);
}

int rv_scenario_echo(void *arg, void **result)
{
    struct echo e = {.settings = arg};
    rove_server *server = NULL;
    bool has_peer = e.settings->peer_fd >= 0;
    rove_server_options options = {.backlog = 64, .idle_timeout = has_peer ? IDLE : 0};
    (void)result;
    int rc = rove_server_start("127.0.0.1:0", echo_back, NULL, &options, &server);
    if (rc < 0) {
        return rc;
    }
    snprintf(e.address, sizeof e.address, "127.0.0.1:%d", rove_server_port(server));
    rv_scenario_call_peer(e.settings, rove_server_port(server));
    rc = e.settings->forks ? rv_scenario_fork() : 0;
    rc = rv_scenario_worse(rc, rv_scenario_run_all(e.settings->clients, client, &e));
    int stopped = rove_server_stop(server, has_peer ? GRACE : e.settings->patience);
    if (has_peer && stopped == -ETIMEDOUT) {
        stopped = 0; /* the bad peer was still there, and was cut off */
    }
    return rv_scenario_worse(rc, stopped);
}

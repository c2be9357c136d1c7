// SPDX-License-Identifier: MIT
/* Purpose: which of two is connected first: the original tasks come back, so it can be told. */
#include <rove.h>
#include <stdio.h>

static int take(rove_stream *stream, void *ctx)
{
    (void)stream, (void)ctx;
    return 0;
}

static int dial(void *arg, void **result)
{
    rove_stream *stream = NULL;
    ROVE_TRY(rove_stream_dial(arg, &stream));
    *result = stream;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_server *servers[2];
    ROVE_TRY(rove_server_start("127.0.0.1:0", take, NULL, NULL, &servers[0]));
    ROVE_TRY(rove_server_start("127.0.0.2:0", take, NULL, NULL, &servers[1]));
    char to1[32], to2[32];
    snprintf(to1, sizeof to1, "127.0.0.1:%d", rove_server_port(servers[0]));
    snprintf(to2, sizeof to2, "127.0.0.2:%d", rove_server_port(servers[1]));
    rove_future *tasks[] = {rove_create_task(dial, to1), rove_create_task(dial, to2)};
    rove_future *earliest;
    rove_as_completed *it = rove_as_completed_open(2, tasks, ROVE_FOREVER);
    int rc;
    while ((rc = rove_as_completed_next(it, &earliest)) > 0) {
        void *stream = NULL;
        ROVE_TRY(rove_await(earliest, &stream));
        printf("%s address\n", earliest == tasks[0] ? "first" : "second");
        rove_stream_close(stream);
    }
    rove_as_completed_close(it);
    for (int i = 0; i < 2; i++) {
        rove_release(tasks[i]);
        rove_server_stop(servers[i], ROVE_FOREVER);
    }
    return rc;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

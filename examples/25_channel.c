// SPDX-License-Identifier: MIT
/*
 * Purpose: a pipeline over channels.
 * Idea: elements are copied. Closing a channel tells the receiver that no more come; it drains
 *   what is left, then gets -EPIPE. A capacity of 0 makes sender and receiver meet.
 */
#include <stdio.h>

#include <rove.h>

struct stage {
    rove_chan *in, *out;
};

static int count(void *arg, void **result)
{
    (void)result;
    int rc = 0;
    for (int i = 1; i <= 5 && rc == 0; i++)
        rc = rove_chan_send(arg, &i);
    rove_chan_close(arg);
    return rc;
}

static int square(void *arg, void **result)
{
    (void)result;
    const struct stage *stage = arg;
    int n, rc;
    while ((rc = rove_chan_recv(stage->in, &n)) == 0) {
        n *= n;
        rc = rove_chan_send(stage->out, &n);
        if (rc < 0)
            return rc;
    }
    rove_chan_close(stage->out);
    return rc == -EPIPE ? 0 : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    struct stage stage = {rove_chan_create(sizeof(int), 0), rove_chan_create(sizeof(int), 2)};
    rove_task *counter = rove_create_task(count, stage.in);
    rove_task *squarer = rove_create_task(square, &stage);
    int n, rc;
    while ((rc = rove_chan_recv(stage.out, &n)) == 0)
        printf("%d\n", n);
    printf("closed: %d, sending now: %d\n", rc == -EPIPE, rove_chan_send(stage.out, &n) == -EPIPE);
    rc = rove_join(counter, NULL);
    int second = rove_join(squarer, NULL);
    rove_chan_release(stage.in);
    rove_chan_release(stage.out);
    return rc < 0 ? rc : second;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

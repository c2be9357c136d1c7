// SPDX-License-Identifier: MIT
/*
 * Purpose: loop.call_soon, call_later, call_at, and cancelling a handle.
 * Idea: callbacks are not tasks: they run on a worker between tasks and must not suspend. A
 *   cancelled handle that says true has not run and never will.
 */
#include <stdio.h>

#include <rove.h>

static void say(void *ctx)
{
    printf("%s\n", (char *)ctx);
}

static void finish(void *ctx)
{
    printf("finish\n");
    rove_set_result(ctx, NULL);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *end = rove_create_future();
    rove_time now = rove_now();
    rove_handle *handles[] = {
        rove_call_at(now + ROVE_MS(15), finish, end),
        rove_call_later(ROVE_MS(10), say, "later"),
        rove_call_later(ROVE_MS(5), say, "never said"),
        rove_call_at(now + ROVE_MS(2), say, "at"),
        rove_call_soon(say, "soon, first"),
        rove_call_soon(say, "soon, second"),
    };
    printf("cancelled: %d\n", rove_handle_cancel(handles[2]));
    printf("nothing has run yet\n");
    int rc = rove_await(end, NULL);
    printf("too late to cancel: %d\n", rove_handle_cancel(handles[1]));
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        rove_handle_release(handles[i]);
    rove_release(end);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

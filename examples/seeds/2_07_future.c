// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2, "futures": a coroutine can await a future that a callback completes, alone or
 * gathered with coroutines. Prints nothing, as in Python.
 * Bugs of the note: `gether`, and two undefined names. Here function_that_returns_a_future_object
 * gives a future that a timer sets after a second, and some_python_coroutine sleeps for a second.
 */
#include "seed.h"

static void set_future(void *ctx)
{
    rove_set_result(ctx, NULL);
    rove_release(ctx);
}

static rove_future *function_that_returns_a_future_object(void)
{
    rove_future *future = rove_create_future();
    rove_handle_release(rove_call_later(second(1), set_future, rove_retain(future)));
    return future;
}

static int some_python_coroutine(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_sleep(second(1));
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    AWAIT(rove_join(function_that_returns_a_future_object(), NULL));
    rove_future *both[] = {
        function_that_returns_a_future_object(),
        rove_create_task(some_python_coroutine, NULL),
    };
    int rc = rove_gather(2, both, NULL);
    rove_release(both[0]);
    rove_release(both[1]);
    return rc;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}

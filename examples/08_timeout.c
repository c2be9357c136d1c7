// SPDX-License-Identifier: MIT
/*
 * Purpose: `async with asyncio.timeout()`: a limit on a block of code, movable, nesting.
 * Idea: inside the block the timeout appears as -ECANCELED; rove_timeout_exit turns that into
 *   -ETIMEDOUT, but only where this timeout is what cancelled. An outer one passes through.
 */
#include <stdio.h>

#include <rove.h>

static int within(rove_duration limit, rove_duration work)
{
    rove_timeout t;
    rove_timeout_enter(&t, limit);
    int rc = rove_sleep(work);
    return rove_timeout_exit(&t, rc);
}

static int rescheduled(void)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_FOREVER);
    rove_timeout_reschedule(&t, rove_now() + ROVE_MS(5)); /* known only now */
    int rc = rove_sleep(ROVE_FOREVER);
    rc = rove_timeout_exit(&t, rc);
    const char *what = rc == -ETIMEDOUT ? "timed out" : "in time";
    printf("rescheduled: %s, expired %d\n", what, rove_timeout_expired(&t));
    return 0;
}

static int nested(void)
{
    rove_timeout outer, inner;
    rove_timeout_enter(&outer, ROVE_MS(5));
    rove_timeout_enter(&inner, ROVE_SEC(60));
    int rc = rove_sleep(ROVE_FOREVER);
    rc = rove_timeout_exit(&inner, rc);
    printf("inner: %s\n", rc == -ECANCELED ? "cancelled from outside" : "?");
    rc = rove_timeout_exit(&outer, rc);
    printf("outer: %s\n", rc == -ETIMEDOUT ? "timed out" : "?");
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("long:  %s\n", within(ROVE_MS(5), ROVE_FOREVER) == -ETIMEDOUT ? "timed out" : "?");
    printf("short: %s\n", within(ROVE_SEC(60), ROVE_MS(1)) == 0 ? "in time" : "?");
    int rc = rescheduled();
    return rc < 0 ? rc : nested();
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

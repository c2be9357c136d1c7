// SPDX-License-Identifier: MIT
/* Purpose: a timeout cancels its own block, not what follows; the count of requests is 0. */
#include <rove.h>
#include <stdio.h>

static int make_request(void)
{
    ROVE_TRY(rove_sleep(ROVE_SEC(0.5)));
    printf("one request\n");
    return 0;
}

static int make_another_request(void)
{
    return rove_sleep(ROVE_SEC(3600));
}

static int unrelated_code(void)
{
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    printf("unrelated code, %d requests to cancel\n", rove_cancelling(rove_current_task()));
    return 0;
}

static int make_requests(void)
{
    ROVE_TRY(make_request());
    return make_another_request();
}

static int make_request_with_timeout(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_timeout timeout;
    rove_timeout_enter(&timeout, ROVE_SEC(1));
    if (rove_timeout_exit(&timeout, make_requests()) == -ETIMEDOUT)
        printf("there was a timeout\n");
    return unrelated_code();
}

int main(void)
{
    return rove_run(make_request_with_timeout, NULL, NULL) < 0;
}

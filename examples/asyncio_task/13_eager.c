// SPDX-License-Identifier: MIT
/* Purpose: with one worker every task starts inside its creation; some are done by then. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int look_up(void *arg, void **result)
{
    bool is_cached = strcmp(arg, "answer") == 0;
    if (!is_cached)
        ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    *result = (void *)(intptr_t)(is_cached ? 42 : 0);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *values[2];
    rove_task *cached = rove_create_task(look_up, "answer");
    rove_task *other = rove_create_task(look_up, "other");
    printf("%d %d\n", rove_done(cached), rove_done(other));
    ROVE_TRY(rove_join(cached, &values[0]));
    ROVE_TRY(rove_join(other, &values[1]));
    printf("%d %d\n", (int)(intptr_t)values[0], (int)(intptr_t)values[1]);
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.eager = true, .workers = 1}, async_main, NULL, NULL) < 0;
}

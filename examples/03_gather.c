// SPDX-License-Identifier: MIT
/*
 * Purpose: run several coroutines at once and collect their results in order.
 * Idea: rove_gather_calls makes the tasks itself and leaves none behind: after an error the others
 *   are cancelled and awaited. (rove_gather, given tasks, lets the others run on, as asyncio does.)
 */
#include <stdint.h>
#include <stdio.h>

#include <rove.h>

enum { BROKEN = -5000 }; /* codes below -4095 are the application's own */

static int factorial(void *arg, void **result)
{
    intptr_t product = 1;
    for (intptr_t i = 2; i <= (intptr_t)arg; i++) {
        product *= i;
        int rc = rove_yield();
        if (rc < 0)
            return rc;
    }
    *result = (void *)product;
    return 0;
}

static int broken(void *arg, void **result)
{
    (void)arg, (void)result;
    return BROKEN;
}

static int patient(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_sleep(ROVE_FOREVER);
    printf("patient: %s\n", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    const rove_call products[] = {{factorial, (void *)5}, {factorial, (void *)3}};
    void *values[2];
    int rc = rove_gather_calls(2, products, values);
    if (rc < 0)
        return rc;
    printf("5! = %d, 3! = %d\n", (int)(intptr_t)values[0], (int)(intptr_t)values[1]);

    const rove_call mixed[] = {{patient, NULL}, {broken, NULL}};
    rc = rove_gather_calls(2, mixed, NULL);
    printf("gather: %s\n", rc == BROKEN ? "broken" : "?");
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

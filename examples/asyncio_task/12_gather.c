// SPDX-License-Identifier: MIT
/* Purpose: three factorials side by side; results in the order of the calls. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

struct job {
    char name;
    int number;
};

static int factorial(void *arg, void **result)
{
    const struct job *job = arg;
    intptr_t f = 1;
    for (int i = 2; i <= job->number; i++) {
        printf("%c: factorial(%d), now %d ...\n", job->name, job->number, i);
        ROVE_TRY(rove_sleep(ROVE_SEC(1)));
        f *= i;
    }
    printf("%c: factorial(%d) = %d\n", job->name, job->number, (int)f);
    *result = (void *)f;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *results[3];
    ROVE_TRY(rove_gather_calls(3, (rove_call[]){
        {factorial, &(struct job){'A', 2}},
        {factorial, &(struct job){'B', 3}},
        {factorial, &(struct job){'C', 4}},
    }, results));
    printf("%d %d %d\n", (int)(intptr_t)results[0], (int)(intptr_t)results[1],
           (int)(intptr_t)results[2]);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

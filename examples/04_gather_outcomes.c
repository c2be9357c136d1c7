// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for all, whatever becomes of each; and nest gathers.
 * Idea: rove_gather_outcomes is gather(return_exceptions=True). rove_gather_future is a gather that
 *   has not been awaited: a future like any other, so a gather may contain gathers; its result is
 *   an array owned by that future.
 */
#include <stdio.h>

#include <rove.h>

static int answer(void *arg, void **result)
{
    *result = arg;
    return arg == NULL ? -ENODATA : 0;
}

static int show_outcomes(void)
{
    rove_future *tasks[] = {
        rove_create_task(answer, "one"),
        rove_create_task(answer, NULL),
        rove_create_task(answer, "three"),
    };
    rove_outcome outcomes[3];
    int rc = rove_gather_outcomes(3, tasks, outcomes);
    for (size_t i = 0; i < 3; i++) {
        if (rc == 0)
            printf("%d %s\n", outcomes[i].error == -ENODATA,
                   outcomes[i].error == 0 ? (char *)outcomes[i].result : "no data");
        rove_release(tasks[i]);
    }
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = show_outcomes();
    if (rc < 0)
        return rc;
    rove_future *leaves[] = {rove_create_task(answer, "left"), rove_create_task(answer, "right")};
    rove_future *pair = rove_gather_future(2, leaves);
    rove_future *outer[] = {pair, rove_create_task(answer, "top")};
    void *results[2];
    rc = rove_gather(2, outer, results);
    if (rc == 0) {
        void *const *inner = results[0];
        printf("[[%s, %s], %s]\n", (char *)inner[0], (char *)inner[1], (char *)results[1]);
    }
    rove_future *all[] = {leaves[0], leaves[1], outer[0], outer[1]};
    for (size_t i = 0; i < 4; i++)
        rove_release(all[i]);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

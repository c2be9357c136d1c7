// SPDX-License-Identifier: MIT
/*
 * Purpose: one signal that many tasks wait for.
 * Idea: set wakes every waiter and stays set; whoever waits afterwards passes at once.
 */
#include <stdio.h>

#include <rove.h>

static rove_event started;

static int runner(void *arg, void **result)
{
    (void)result;
    printf("%s waits\n", (char *)arg);
    int rc = rove_event_wait(&started);
    printf("%s runs\n", (char *)arg);
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *anna = rove_create_task(runner, "anna");
    rove_task *bert = rove_create_task(runner, "bert");
    rove_yield();
    printf("set: %d\n", rove_event_is_set(&started));
    rove_event_set(&started);
    int rc = rove_join(anna, NULL);
    int second = rove_join(bert, NULL);
    int late = runner("cora, late,", NULL);
    rove_event_clear(&started);
    printf("cleared: %d\n", !rove_event_is_set(&started));
    return rc < 0 ? rc : second < 0 ? second : late;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: protect work that must not be cancelled with whoever waits for it.
 * Idea: cancelling a task reaches what it awaits. A shield stops that: the waiter gets its
 *   -ECANCELED, the task behind the shield runs on.
 */
#include <stdio.h>

#include <rove.h>

static int save(void *arg, void **result)
{
    rove_future *disk = arg;
    int rc = rove_await(disk, result);
    printf("save: %s\n", rc == 0 ? "saved" : "cancelled");
    return rc;
}

static int careful(void *arg, void **result)
{
    rove_future *shield = rove_shield(arg);
    int rc = rove_await(shield, result);
    rove_release(shield);
    printf("careful: %s\n", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *disk = rove_create_future();
    rove_task *saving = rove_create_task(save, disk);
    rove_task *waiting = rove_create_task(careful, saving);
    rove_yield(); /* now both wait */

    rove_cancel(waiting);
    int rc = rove_join(waiting, NULL);
    printf("waiter: %s, saving done: %d\n", rc == -ECANCELED ? "cancelled" : "?",
           rove_done(saving));

    rove_set_result(disk, NULL);
    rc = rove_join(saving, NULL);
    printf("main: %d\n", rc);
    rove_release(disk);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: structured concurrency: children that cannot outlive a block.
 * Idea: rove_task_group_exit suspends until every child has ended. A child's error cancels its
 *   siblings and the block; the errors can be read afterwards, as from an ExceptionGroup.
 */
#include <stdio.h>

#include <rove.h>

static int child(void *arg, void **result)
{
    (void)result;
    int rc = rove_yield();
    printf("%s: %s\n", (char *)arg, rc == 0 ? "done" : "cancelled");
    return rc;
}

static int sleeper(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_sleep(ROVE_FOREVER);
    printf("sleeper: %s\n", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int failing(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_yield();
    return -EIO;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task_group group;
    rove_task_group_enter(&group);
    rove_task_group_create_task(&group, child, "anna");
    rove_task_group_create_task(&group, child, "bert");
    int rc = rove_task_group_exit(&group, 0);
    printf("first group: %d\n", rc);

    rove_task_group_enter(&group);
    rove_task_group_create_task(&group, sleeper, NULL);
    rove_task_group_create_task(&group, failing, NULL);
    rc = rove_sleep(ROVE_FOREVER); /* the block itself is cancelled too */
    printf("block: %s\n", rc == -ECANCELED ? "cancelled" : "?");
    rc = rove_task_group_exit(&group, rc);
    int errors[4];
    size_t count = rove_task_group_errors(&group, errors, 4);
    printf("second group: %s, %zu failed\n", rc == -EIO ? "input/output error" : "?", count);
    return count == 1 && errors[0] == -EIO ? 0 : -EINVAL;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/* Purpose: results of a group's children: their handles are borrowed, so take a reference. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

static int twice(void *arg, void **result)
{
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    *result = (void *)(2 * (intptr_t)arg);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *values[2];
    rove_task_group group;
    rove_task_group_enter(&group);
    rove_task *task1 = rove_retain(rove_task_group_create_task(&group, twice, (void *)1));
    rove_task *task2 = rove_retain(rove_task_group_create_task(&group, twice, (void *)2));
    ROVE_TRY(rove_task_group_exit(&group, 0));
    ROVE_TRY(rove_join(task1, &values[0]));
    ROVE_TRY(rove_join(task2, &values[1]));
    printf("both have ended: %d, %d\n", (int)(intptr_t)values[0], (int)(intptr_t)values[1]);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

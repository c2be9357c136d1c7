// SPDX-License-Identifier: MIT
/* Purpose: the task that runs, its name, and how many there are. */
#include <rove.h>
#include <stdio.h>

static int doze(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_sleep(ROVE_SEC(1));
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_runtime *runtime = rove_current_runtime();
    rove_task *task = rove_create_task_with(&(rove_task_options){.name = "sleeper"}, doze, NULL);
    rove_set_name(rove_current_task(), "me");
    printf("%s %s %zu\n", rove_get_name(rove_current_task()), rove_get_name(task),
           rove_all_tasks(runtime, NULL, 0));
    ROVE_TRY(rove_await(task, NULL));
    printf("%d %d %zu\n", rove_done(task), rove_cancelled(task), rove_all_tasks(runtime, NULL, 0));
    rove_release(task);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

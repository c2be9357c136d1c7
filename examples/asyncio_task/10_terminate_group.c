// SPDX-License-Identifier: MIT
/* Purpose: a group ended early by a child that fails with a code of the application's own. */
#include <rove.h>
#include <stdio.h>

enum { TERMINATE_GROUP = ROVE_ERRNO_MIN - 1 };

struct job {
    int number;
    double seconds;
};

static int terminate(void *arg, void **result)
{
    (void)arg, (void)result;
    return TERMINATE_GROUP;
}

static int work(void *arg, void **result)
{
    (void)result;
    const struct job *job = arg;
    printf("job %d: start\n", job->number);
    ROVE_TRY(rove_sleep(ROVE_SEC(job->seconds)));
    printf("job %d: done\n", job->number);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task_group group;
    rove_task_group_enter(&group);
    rove_task_group_create_task(&group, work, &(struct job){1, 0.5});
    rove_task_group_create_task(&group, work, &(struct job){2, 1.5});
    int rc = rove_sleep(ROVE_SEC(1));
    rove_task_group_create_task(&group, terminate, NULL);
    rc = rove_task_group_exit(&group, rc);
    return rc == TERMINATE_GROUP ? 0 : rc;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks: create them, name them, join them.
 * Idea: a created task does not run before its creator suspends (unless eager). The handle is a
 *   counted reference; rove_join awaits the task and drops it.
 */
#include <stdio.h>

#include <rove.h>

static int worker(void *arg, void **result)
{
    rove_task *self = rove_current_task();
    printf("%s starts\n", rove_get_name(self));
    int rc = rove_yield();
    if (rc < 0)
        return rc;
    printf("%s ends\n", rove_get_name(self));
    *result = arg;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *plain = rove_create_task(worker, "first");
    rove_task *named =
        rove_create_task_with(&(rove_task_options){.name = "painter"}, worker, "second");
    rove_set_name(plain, "carpenter");
    printf("created %s and %s, neither has run\n", rove_get_name(plain), rove_get_name(named));

    void *text = NULL;
    int rc = rove_join(plain, &text);
    if (rc < 0)
        return rc;
    printf("carpenter returned %s\n", (char *)text);
    rc = rove_join(named, &text);
    if (rc < 0)
        return rc;
    printf("painter returned %s\n", (char *)text);
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

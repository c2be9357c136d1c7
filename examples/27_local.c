// SPDX-License-Identifier: MIT
/*
 * Purpose: task-locals: a value that goes with the task, as contextvars do.
 * Idea: a child starts with a copy of its creator's values; what it sets stays its own.
 */
#include <stdio.h>

#include <rove.h>

static rove_local request;

static void show(const char *who)
{
    const char *value = rove_local_get(&request);
    printf("%s: %s\n", who, value == NULL ? "none" : value);
}

static int child(void *arg, void **result)
{
    (void)result;
    show("child inherits");
    int rc = rove_local_set(&request, arg);
    if (rc < 0)
        return rc;
    rc = rove_yield();
    show("child has");
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    show("main at first");
    int rc = rove_local_set(&request, "request 1");
    if (rc < 0)
        return rc;
    rove_task *task = rove_create_task(child, "request 1.a");
    rc = rove_local_set(&request, "request 2"); /* after the child's copy was made */
    if (rc < 0)
        return rc;
    rc = rove_join(task, NULL);
    show("main at last");
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

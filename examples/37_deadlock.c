// SPDX-License-Identifier: MIT
/*
 * Purpose: a program in which nothing can ever happen again ends with an error, not in silence.
 * Idea: two tasks that lock two mutexes in opposite orders wait for each other. With
 *   deadlock_error the runtime notices, names the waits in its log, and rove_run returns -EDEADLK.
 */
#include <stdio.h>
#include <string.h>

#include <rove.h>

static rove_mutex fork_mutex, knife_mutex;

static int eat(rove_mutex *first, rove_mutex *second)
{
    int rc = rove_mutex_lock(first);
    if (rc < 0)
        return rc;
    rove_yield();
    rc = rove_mutex_lock(second); /* the other task holds it */
    if (rc == 0)
        rove_mutex_unlock(second);
    rove_mutex_unlock(first);
    return rc;
}

static int anna(void *arg, void **result)
{
    (void)arg, (void)result;
    return eat(&fork_mutex, &knife_mutex);
}

static int bert(void *arg, void **result)
{
    (void)arg, (void)result;
    return eat(&knife_mutex, &fork_mutex);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    const rove_call calls[] = {{anna, NULL}, {bert, NULL}};
    return rove_gather_calls(2, calls, NULL);
}

static void count_mutexes(void *ctx, int level, const char *message)
{
    (void)level;
    *(int *)ctx += strstr(message, "mutex") != NULL;
}

int main(void)
{
    int lines = 0;
    rove_options options = {
        .workers = 1, .deadlock_error = true, .log = count_mutexes, .log_ctx = &lines};
    int rc = rove_run_with(&options, async_main, NULL, NULL);
    printf("%s; told which mutexes: %d\n", rove_strerror(rc), lines > 0);
    return rc != -EDEADLK;
}

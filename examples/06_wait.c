// SPDX-License-Identifier: MIT
/*
 * Purpose: the three ways to wait for a set, and a limit in time.
 * Idea: rove_wait reports which members are done and cancels nothing; errors of the members are
 *   theirs, read with rove_result. done[] takes the place of Python's (done, pending).
 */
#include <stdio.h>

#include <rove.h>

static void show(const char *what, ssize_t count, const bool done[3])
{
    printf("%-15s %d done: %d %d %d\n", what, (int)count, done[0], done[1], done[2]);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *set[3];
    bool done[3];
    for (size_t i = 0; i < 3; i++)
        set[i] = rove_create_future();

    ssize_t count = rove_wait(3, set, ROVE_ALL_COMPLETED, ROVE_MS(1), done);
    show("timeout", count, done);

    rove_set_result(set[1], "b");
    count = rove_wait(3, set, ROVE_FIRST_COMPLETED, ROVE_FOREVER, done);
    show("first completed", count, done);

    rove_set_error(set[0], -EIO);
    count = rove_wait(3, set, ROVE_FIRST_ERROR, ROVE_FOREVER, done);
    show("first error", count, done);

    rove_set_result(set[2], "c");
    count = rove_wait(3, set, ROVE_ALL_COMPLETED, ROVE_FOREVER, done);
    show("all completed", count, done);

    for (size_t i = 0; i < 3; i++) {
        void *value = NULL;
        int rc = rove_result(set[i], &value);
        printf("%zu: %s\n", i, rc == -EIO ? "input/output error" : (char *)value);
        rove_release(set[i]);
    }
    return count < 0 ? (int)count : 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

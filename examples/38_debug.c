// SPDX-License-Identifier: MIT
/*
 * Purpose: debug mode: what was forgotten is said.
 * Idea: an error that nobody ever read and a handle that nobody released are harmless once and
 *   trouble a million times. Debug mode logs both, with the place where they were made.
 */
#include <stdio.h>
#include <string.h>

#include <rove.h>

struct tally {
    int unread, leaked, other;
};

static int fails(void *arg, void **result)
{
    (void)arg, (void)result;
    return -EIO;
}

static int async_main(void *arg, void **result)
{
    (void)result;
    rove_task *task =
        rove_create_task_with(&(rove_task_options){.name = "careless"}, fails, NULL);
    rove_yield();       /* it has failed by now */
    rove_release(task); /* and nobody asked */

    rove_future **kept = arg;
    *kept = rove_create_future(); /* outlives the runtime */
    return 0;
}

static void count(void *ctx, int level, const char *message)
{
    (void)level;
    struct tally *tally = ctx;
    if (strstr(message, "never read") != NULL)
        tally->unread++;
    else if (strstr(message, "still has") != NULL)
        tally->leaked++;
    else
        tally->other++;
}

int main(void)
{
    struct tally tally = {0, 0, 0};
    rove_future *kept = NULL;
    rove_options options = {.workers = 1, .debug = true, .slow_step = ROVE_SEC(60),
                            .log = count, .log_ctx = &tally};
    int rc = rove_run_with(&options, async_main, &kept, NULL);
    printf("errors nobody read: %d, handles nobody released: %d\n", tally.unread, tally.leaked);
    rove_release(kept);
    return rc < 0;
}

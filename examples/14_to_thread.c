// SPDX-License-Identifier: MIT
/*
 * Purpose: call code that blocks without blocking the tasks.
 * Idea: rove_to_thread runs the function on a pool thread and suspends the caller. The function
 *   here blocks in a plain read(2) until another task, which therefore must be running, writes.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <rove.h>

static int blocking_read(void *arg, void **result)
{
    static char text[16];
    ssize_t n = read(*(const int *)arg, text, sizeof text - 1); /* a blocking call, in a thread */
    if (n < 0)
        return -EIO;
    text[n] = '\0';
    *result = text;
    return rove_current_task() == NULL ? 0 : -EINVAL; /* a pool thread is no task */
}

static int writer(void *arg, void **result)
{
    (void)result;
    printf("writer: the reader blocks, I run\n");
    return write(*(const int *)arg, "ping", 4) == 4 ? 0 : -EIO;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int ends[2];
    if (pipe(ends) < 0)
        return -EMFILE;
    rove_task *task = rove_create_task(writer, &ends[1]);
    void *text = NULL;
    int rc = rove_to_thread(blocking_read, &ends[0], &text);
    if (rc == 0)
        printf("main: read %s\n", (char *)text);
    int writer_rc = rove_join(task, NULL);
    close(ends[0]);
    close(ends[1]);
    return rc < 0 ? rc : writer_rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

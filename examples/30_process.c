// SPDX-License-Identifier: MIT
/*
 * Purpose: run other programs: talk to one, collect the output of one, kill one.
 * Idea: pipes are streams. rove_process_wait gives the exit status, or 256 + the signal's number.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rove.h>

static int talk(void)
{
    char *const argv[] = {"cat", NULL};
    rove_process *p = NULL;
    rove_process_options options = {.argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE};
    int rc = rove_process_start(&options, &p);
    if (rc < 0)
        return rc;
    const char *line;
    rc = rove_stream_write(rove_process_stdin(p), "hello cat\n", 10); /* sent soon */
    ssize_t n = rc < 0 ? rc : rove_stream_read_line(rove_process_stdout(p), &line);
    if (n > 0)
        printf("cat says: %.*s", (int)n, line);
    rove_process_kill(p, SIGKILL);
    printf("killed by signal %d\n", rove_process_wait(p) - 256);
    rove_process_release(p);
    return n < 0 ? (int)n : 0;
}

static int collect(void)
{
    char *const argv[] = {"sh", "-c", "tr a-z A-Z; echo oops >&2; exit 3", NULL};
    rove_process_options options = {
        .argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE, .err = ROVE_PIPE};
    rove_process *p = NULL;
    int rc = rove_process_start(&options, &p);
    if (rc < 0)
        return rc;
    char *out = NULL, *err = NULL;
    rc = rove_process_communicate(p, "loud\n", 5, &out, NULL, &err, NULL);
    if (rc >= 0)
        printf("out: %serr: %sstatus %d\n", out, err, rc);
    free(out);
    free(err);
    rove_process_release(p);
    return rc < 0 ? rc : 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = talk();
    return rc < 0 ? rc : collect();
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

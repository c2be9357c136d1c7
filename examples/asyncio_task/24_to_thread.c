// SPDX-License-Identifier: MIT
/* Purpose: blocking work on a thread, while the task's worker does other things. */
#include <rove.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void print_time(const char *what)
{
    char text[16];
    struct tm tm;
    time_t now = time(NULL);
    strftime(text, sizeof text, "%X", localtime_r(&now, &tm));
    printf("%s %s\n", what, text);
}

static int blocking_io(void *arg, void **result)
{
    (void)arg, (void)result;
    print_time("start blocking_io at");
    sleep(1);
    print_time("blocking_io complete at");
    return 0;
}

static int in_thread(void *arg, void **result)
{
    return rove_to_thread(blocking_io, arg, result);
}

static int doze(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_sleep(ROVE_SEC(1));
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    print_time("started main at");
    ROVE_TRY(rove_gather_calls(2, (rove_call[]){{in_thread, NULL}, {doze, NULL}}, NULL));
    print_time("finished main at");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

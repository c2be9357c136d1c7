// SPDX-License-Identifier: MIT
/* Purpose: the two as tasks, side by side: two seconds. */
#include <rove.h>
#include <stdio.h>
#include <time.h>

struct say {
    double delay;
    const char *what;
};

static int say_after(void *arg, void **result)
{
    (void)result;
    const struct say *say = arg;
    ROVE_TRY(rove_sleep(ROVE_SEC(say->delay)));
    printf("%s\n", say->what);
    return 0;
}

static void print_time(const char *what)
{
    char text[16];
    struct tm tm;
    time_t now = time(NULL);
    strftime(text, sizeof text, "%X", localtime_r(&now, &tm));
    printf("%s %s\n", what, text);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task1 = rove_create_task(say_after, &(struct say){1, "hello"});
    rove_task *task2 = rove_create_task(say_after, &(struct say){2, "world"});
    print_time("started at");
    ROVE_TRY(rove_join(task1, NULL));
    ROVE_TRY(rove_join(task2, NULL));
    print_time("finished at");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/* Purpose: two coroutines called in turn: three seconds. */
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
    print_time("started at");
    ROVE_TRY(say_after(&(struct say){1, "hello"}, NULL));
    ROVE_TRY(say_after(&(struct say){2, "world"}, NULL));
    print_time("finished at");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

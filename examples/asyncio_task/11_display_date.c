// SPDX-License-Identifier: MIT
/* Purpose: the date, once a second. */
#include <rove.h>
#include <stdio.h>
#include <time.h>

static int display_date(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_time end_time = rove_now() + ROVE_SEC(5);
    for (;;) {
        char text[32];
        struct tm tm;
        time_t now = time(NULL);
        strftime(text, sizeof text, "%Y-%m-%d %X", localtime_r(&now, &tm));
        printf("%s\n", text);
        if (rove_now() + ROVE_SEC(1) >= end_time)
            return 0;
        ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    }
}

int main(void)
{
    return rove_run(display_date, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/* Purpose: hello, a second, world. */
#include <rove.h>
#include <stdio.h>

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("hello\n");
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    printf("world\n");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

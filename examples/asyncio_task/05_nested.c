// SPDX-License-Identifier: MIT
/* Purpose: `await nested()` is a call. What C cannot do: forget the await. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

static int nested(void *arg, void **result)
{
    (void)arg;
    *result = (void *)(intptr_t)42;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *value = NULL;
    ROVE_TRY(nested(NULL, &value));
    printf("%d\n", (int)(intptr_t)value);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: what a stranger would write first against an installed rove: two tasks, gathered.
 */
#include <rove.h>

#include <stdio.h>
#include <string.h>

static int half(void *arg, void **result)
{
    int rc = rove_sleep(ROVE_MS(1));
    *result = arg;
    return rc;
}

static int both(void *arg, void **result)
{
    (void)result;
    const rove_call calls[] = {{half, arg}, {half, (char *)arg + 1}};
    void *results[2] = {NULL, NULL};
    int rc = rove_gather_calls(2, calls, results);
    if (rc < 0)
        return rc;
    return results[0] == arg && results[1] == (char *)arg + 1 ? 0 : -EINVAL;
}

int main(void)
{
    char here[2] = "";
    if (strcmp(rove_version(), ROVE_VERSION_STRING) != 0)
        return 1;
    int rc = rove_run(both, here, NULL);
    printf("rove %s: %s\n", rove_version(), rove_strerror(rc));
    return rc == 0 ? 0 : 1;
}

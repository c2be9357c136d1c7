// SPDX-License-Identifier: MIT
/*
 * Purpose: run one coroutine to its end, and await another by calling it.
 * Idea: a coroutine is an ordinary function `int f(void *arg, void **result)`; `await f(x)` of
 *   Python is a plain call here. rove_run is asyncio.run: it starts the runtime, runs the
 *   function as the first task, cleans up, and returns what the function returned.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rove.h>

static int greeting(void *arg, void **result)
{
    int rc = rove_sleep(ROVE_MS(1)); /* the worker is free meanwhile */
    if (rc < 0)
        return rc;
    *result = arg;
    return 0;
}

static int hello(void *arg, void **result)
{
    (void)arg;
    void *word = NULL;
    printf("hello\n");
    int rc = greeting("world", &word);
    if (rc < 0)
        return rc;
    printf("%s\n", (char *)word);
    *result = "done";
    return 0;
}

int main(void)
{
    void *result = NULL;
    int rc = rove_run(hello, NULL, &result);
    if (rc < 0) {
        fprintf(stderr, "hello: %s\n", rove_strerror(rc));
        return EXIT_FAILURE;
    }
    printf("%s\n", (char *)result);
    return EXIT_SUCCESS;
}

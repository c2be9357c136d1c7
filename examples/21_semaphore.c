// SPDX-License-Identifier: MIT
/*
 * Purpose: let at most two tasks through at a time.
 * Idea: the bound makes it a BoundedSemaphore: releasing past it is refused. The high-water
 *   mark shows that three never met inside.
 */
#include <stdio.h>

#include <rove.h>

static rove_semaphore gate;
static int inside, most;

static int visitor(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_semaphore_acquire(&gate);
    if (rc < 0)
        return rc;
    inside++;
    most = inside > most ? inside : most;
    rc = rove_yield();
    inside--;
    rove_semaphore_release(&gate);
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_semaphore_init(&gate, 2, 2);
    rove_call visitors[6];
    for (size_t i = 0; i < 6; i++)
        visitors[i] = (rove_call){visitor, NULL};
    int rc = rove_gather_calls(6, visitors, NULL);
    printf("most inside at once: %d\n", most);
    printf("one release too many: %s\n",
           rove_semaphore_release(&gate) == -EOVERFLOW ? "refused" : "?");
    int first = rove_semaphore_tryacquire(&gate);
    int second = rove_semaphore_tryacquire(&gate);
    int third = rove_semaphore_tryacquire(&gate);
    printf("without waiting: %d %d %s\n", first, second, third == -EAGAIN ? "would block" : "?");
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

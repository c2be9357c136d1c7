// SPDX-License-Identifier: MIT
/*
 * Purpose: threads of the program and tasks work on the same queue and event.
 * Idea: each _blocking call is the twin of a suspending one: the same line of waiters, but the OS
 *   thread blocks. What never waits (set, task_done, shutdown) is the same call for both.
 */
#include <pthread.h>
#include <stdio.h>

#include <rove.h>

static rove_queue *orders;
static rove_event closed;

/* A plain thread, unknown to the runtime. */
static void *kitchen(void *arg)
{
    (void)arg;
    void *dish;
    int rc;
    while ((rc = rove_queue_get_blocking(orders, &dish, ROVE_FOREVER)) == 0) {
        printf("kitchen: %s\n", (char *)dish);
        rove_queue_task_done(orders);
    }
    printf("kitchen: %s\n", rc == -EPIPE ? "no more orders" : "?");
    rove_event_set(&closed);
    return NULL;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    static char *const dishes[] = {"soup", "roast", "cake"};
    int rc = 0;
    for (size_t i = 0; i < 3 && rc == 0; i++)
        rc = rove_queue_put(orders, dishes[i]);
    if (rc == 0)
        rc = rove_queue_join(orders);
    printf("waiter: all is served\n");
    rove_queue_shutdown(orders, false);
    return rc < 0 ? rc : rove_event_wait(&closed);
}

int main(void)
{
    pthread_t thread;
    orders = rove_queue_create(1);
    if (orders == NULL || pthread_create(&thread, NULL, kitchen, NULL) != 0)
        return 1;
    int rc = rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL);
    pthread_join(thread, NULL);
    rove_queue_destroy(orders);
    return rc < 0;
}

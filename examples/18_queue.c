// SPDX-License-Identifier: MIT
/*
 * Purpose: producers and consumers over a bounded queue.
 * Idea: put suspends while the queue is full, get while it is empty. rove_queue_join waits until
 *   every item has been reported with task_done; shutdown then sends the consumers home (-EPIPE).
 */
#include <stdio.h>

#include <rove.h>

static int producer(void *arg, void **result)
{
    (void)result;
    static char *const items[] = {"bread", "butter", "jam", "tea"};
    for (size_t i = 0; i < 4; i++) {
        int rc = rove_queue_put(arg, items[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int consumer(void *arg, void **result)
{
    (void)result;
    void *item;
    int rc;
    while ((rc = rove_queue_get(arg, &item)) == 0) {
        printf("got %s\n", (char *)item);
        rove_queue_task_done(arg);
    }
    printf("consumer: %s\n", rc == -EPIPE ? "queue shut down" : "?");
    return rc == -EPIPE ? 0 : rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_queue *queue = rove_queue_create(2);
    rove_task *eats = rove_create_task(consumer, queue);
    rove_task *cooks = rove_create_task(producer, queue);
    int rc = rove_join(cooks, NULL);
    if (rc == 0)
        rc = rove_queue_join(queue);
    printf("all eaten, %zu left\n", rove_queue_size(queue));
    rove_queue_shutdown(queue, false);
    int eaten = rove_join(eats, NULL);
    rove_queue_destroy(queue);
    return rc < 0 ? rc : eaten;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: the other two orders of a queue: priority and last in, first out.
 * Idea: the try_ forms never suspend: -EAGAIN when full or empty (QueueFull, QueueEmpty).
 */
#include <stdio.h>

#include <rove.h>

struct job {
    int priority;
    const char *name;
};

static int by_priority(const void *a, const void *b)
{
    const struct job *left = a;
    const struct job *right = b;
    return (left->priority > right->priority) - (left->priority < right->priority);
}

static void drain(rove_queue *queue)
{
    void *item;
    while (rove_queue_try_get(queue, &item) == 0) {
        const struct job *job = item;
        printf(" %s", job->name);
    }
    printf("\n");
    rove_queue_destroy(queue);
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    static struct job jobs[] = {{3, "sweep"}, {1, "fire"}, {2, "mail"}};
    rove_queue *ranked = rove_queue_create_priority(0, by_priority);
    rove_queue *pile = rove_queue_create_lifo(3);
    for (size_t i = 0; i < 3; i++) {
        rove_queue_try_put(ranked, &jobs[i]);
        rove_queue_try_put(pile, &jobs[i]);
    }
    printf("a fourth: %s\n", rove_queue_try_put(pile, &jobs[0]) == -EAGAIN ? "full" : "?");
    printf("priority:");
    drain(ranked);
    printf("lifo:");
    drain(pile);
    return 0;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

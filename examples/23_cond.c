// SPDX-License-Identifier: MIT
/*
 * Purpose: wait for a condition on shared data.
 * Idea: rove_cond_wait gives the mutex up while it waits and holds it again on every return,
 *   a cancelled one too, so the loop and the unlock are the same in all cases.
 */
#include <stdio.h>

#include <rove.h>

static rove_mutex mutex;
static rove_cond stocked;
static int stock;

static int customer(void *arg, void **result)
{
    (void)result;
    int rc = rove_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    while (rc == 0 && stock == 0)
        rc = rove_cond_wait(&stocked, &mutex);
    if (rc == 0)
        printf("%s takes one, %d left\n", (char *)arg, --stock);
    rove_mutex_unlock(&mutex);
    return rc;
}

static int restock(int count)
{
    int rc = rove_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    stock += count;
    printf("%d delivered\n", count);
    rove_cond_notify(&stocked, (size_t)count);
    rove_mutex_unlock(&mutex);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    char *const names[] = {"anna", "bert", "cora"};
    rove_task *tasks[3];
    for (size_t i = 0; i < 3; i++)
        tasks[i] = rove_create_task(customer, names[i]);
    rove_yield(); /* all three wait */
    int rc = restock(1);
    if (rc == 0)
        rc = rove_join(tasks[0], NULL);
    if (rc == 0)
        rc = restock(2);
    return rc < 0 ? rc : rove_join(tasks[1], NULL) + rove_join(tasks[2], NULL);
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

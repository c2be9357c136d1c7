// SPDX-License-Identifier: MIT
/*
 * Purpose: a mutex held across a suspension; and a lock of many readers.
 * Idea: waiting tasks get the mutex in the order in which they came. All-zero bytes are ready.
 */
#include <stdio.h>

#include <rove.h>

static rove_mutex mutex;
static rove_rwlock rwlock;
static int balance;

/* Reads, suspends, writes back: without the mutex deposits would be lost. */
static int deposit(void *arg, void **result)
{
    (void)result;
    int rc = rove_mutex_lock(&mutex);
    if (rc < 0)
        return rc;
    int seen = balance;
    rove_yield();
    balance = seen + 10;
    printf("%s: %d\n", (char *)arg, balance);
    rove_mutex_unlock(&mutex);
    return 0;
}

static int reader(void *arg, void **result)
{
    (void)result;
    int rc = rove_rwlock_rdlock(&rwlock);
    if (rc < 0)
        return rc;
    printf("%s reads, a writer could enter: %d\n", (char *)arg,
           rove_rwlock_trywrlock(&rwlock) == 0);
    rove_yield();
    rove_rwlock_unlock(&rwlock);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    const rove_call deposits[] = {{deposit, "anna"}, {deposit, "bert"}, {deposit, "cora"}};
    int rc = rove_gather_calls(3, deposits, NULL);
    if (rc < 0)
        return rc;
    printf("trylock: %d, ", rove_mutex_trylock(&mutex) == 0);
    printf("again: %d\n", rove_mutex_trylock(&mutex) == 0);
    rove_mutex_unlock(&mutex);
    const rove_call readers[] = {{reader, "dora"}, {reader, "emil"}};
    return rove_gather_calls(2, readers, NULL);
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}

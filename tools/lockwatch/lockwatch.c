// SPDX-License-Identifier: MIT
/*
 * Purpose: tells rove's debug mode how many pthread locks a thread holds, so that a task which
 *          suspends with one is named.
 *
 *              ROVE_DEBUG=1 LD_PRELOAD=librove_lockwatch.so ./program      or link it
 *
 * Idea: stands in front of libc's locking calls and counts. A lock that is taken on one thread and
 * given back on another, which is just the mistake, leaves both counts wrong from then on; the
 * reader compares two counts of one step and does not mind.
 *
 * Threads: any; each has its own count. No call here suspends a task, so thread-locals are safe.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

typedef int lock_call(void *lock);
typedef int timed_call(void *lock, const struct timespec *until);

EXPORT unsigned rove_lockwatch_held(void);

static __thread unsigned held;

EXPORT unsigned rove_lockwatch_held(void)
{
    return held;
}

/* libc's own, looked up once; any number of threads may do so at a time. */
static void *next_of(_Atomic(void *) *cache, const char *name)
{
    void *found = atomic_load_explicit(cache, memory_order_relaxed);
    if (found == NULL) {
        found = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(cache, found, memory_order_relaxed);
    }
    return found;
}

static int count(int rc, int change)
{
    if (rc == 0) {
        held += change < 0 && held == 0 ? 0 : (unsigned)change;
    }
    return rc;
}

#define WATCH(type, call, change)                                                                  \
    EXPORT int call(type *lock)                                                                    \
    {                                                                                              \
        static _Atomic(void *) cache;                                                              \
        void *found = next_of(&cache, #call);                                                      \
        lock_call *real;                                                                           \
        memcpy(&real, &found, sizeof real);                                                        \
        return count(real(lock), change);                                                          \
    }

#define WATCH_TIMED(type, call)                                                                    \
    EXPORT int call(type *lock, const struct timespec *until)                                      \
    {                                                                                              \
        static _Atomic(void *) cache;                                                              \
        void *found = next_of(&cache, #call);                                                      \
        timed_call *real;                                                                          \
        memcpy(&real, &found, sizeof real);                                                        \
        return count(real(lock, until), 1);                                                        \
    }

WATCH(pthread_mutex_t, pthread_mutex_lock, 1)
WATCH(pthread_mutex_t, pthread_mutex_trylock, 1)
WATCH_TIMED(pthread_mutex_t, pthread_mutex_timedlock)
WATCH(pthread_mutex_t, pthread_mutex_unlock, -1)
WATCH(pthread_rwlock_t, pthread_rwlock_rdlock, 1)
WATCH(pthread_rwlock_t, pthread_rwlock_tryrdlock, 1)
WATCH_TIMED(pthread_rwlock_t, pthread_rwlock_timedrdlock)
WATCH(pthread_rwlock_t, pthread_rwlock_wrlock, 1)
WATCH(pthread_rwlock_t, pthread_rwlock_trywrlock, 1)
WATCH_TIMED(pthread_rwlock_t, pthread_rwlock_timedwrlock)
WATCH(pthread_rwlock_t, pthread_rwlock_unlock, -1)

// SPDX-License-Identifier: MIT
/*
 * Purpose: mutex, reader-writer lock, event, condition, semaphore, barrier, and task-local values.
 * Idea:    all in place: declare one on a stack, in a struct or as a static; all-zero bytes are
 *          ready to use, and nothing need be freed. Waiters stand in a list of their own frames,
 *          first come first served; a wait costs no allocation.
 * Errors:  without an object (NULL) a call returns -EINVAL, or does nothing where it has nothing to
 *          return; a call for tasks, on a plain thread, returns -EPERM before it looks at anything.
 * Threads: usable by tasks of several workers of one runtime. Fields are private: their names end
 *          in an underscore and may change. An object must not move or go while someone waits.
 */
#ifndef ROVE_SYNC_H
#define ROVE_SYNC_H

#include <rove/base.h>

ROVE_BEGIN_DECLS

typedef struct rove_mutex { /* private */
    uint32_t lock_;
    uint8_t busy_, spare_;
    uint16_t streak_;
    void *home_;
    uint32_t state_;
    void *owner_;
    void *first_;
    void *last_;
    int64_t since_;
    uint64_t where_;
} rove_mutex;

typedef struct rove_rwlock { /* private */
    uint32_t lock_;
    uint32_t state_;
    void *owner_;
    void *first_;
    void *last_;
    uint64_t a_;
    void *b_;
    void *c_;
} rove_rwlock;

typedef struct rove_event { /* private */
    uint32_t lock_;
    uint32_t state_;
    void *first_;
    void *last_;
} rove_event;

typedef struct rove_cond { /* private */
    uint32_t lock_;
    uint32_t state_;
    void *first_;
    void *last_;
} rove_cond;

typedef struct rove_semaphore { /* private; all-zero: value 0, no bound */
    uint32_t lock_;
    uint32_t flags_;
    uint64_t value_;
    uint64_t bound_;
    void *first_;
    void *last_;
} rove_semaphore;

typedef struct rove_barrier { /* private; needs rove_barrier_init: all-zero has no parties */
    uint32_t lock_;
    uint32_t state_;
    uint64_t parties_;
    uint64_t count_;
    uint64_t generation_;
    void *first_;
    void *last_;
} rove_barrier;

typedef struct rove_once { /* private */
    uint32_t lock_;
    uint32_t state_;
    void *owner_;
    void *first_;
    void *last_;
} rove_once;

typedef struct rove_local { /* private; a key, not a value: declare it static */
    uint32_t key_;
    uint32_t state_;
    void *spare_[2];
} rove_local;

/**
 * Lock, waiting in line while another task holds it.
 *
 * m  all-zero or used before.
 *
 * Returns 0 · -ECANCELED (not locked) · -EDEADLK (the caller holds it) · -EPERM.
 * Threads: task. Suspends: while it is held. Cost: one atomic step when free, none as long as one
 *          worker uses it; no allocation.
 * asyncio: Lock.acquire.
 */
ROVE_API int rove_mutex_lock(rove_mutex *m);

/**
 * Lock if that needs no waiting.
 *
 * m  all-zero or used before.
 *
 * Returns 0 · -EAGAIN (held) · -EPERM.
 * Threads: task. Suspends: no. Cost: as rove_mutex_lock.
 * asyncio: Lock.locked and acquire.
 */
ROVE_API int rove_mutex_trylock(rove_mutex *m);

/**
 * Unlock; the task that waited longest is next.
 *
 * m  locked by the calling task or thread. One that is not locked stops the program; unlocking
 *    another task's is reported in debug mode.
 *
 * Returns nothing.
 * Threads: who locked it. Suspends: no. Cost: one atomic step, none as long as one worker
 *          uses it; one wake-up if someone waits.
 * asyncio: Lock.release.
 */
ROVE_API void rove_mutex_unlock(rove_mutex *m);

/**
 * Lock for reading, together with other readers; writers that wait go first, always.
 *
 * l  all-zero or used before.
 *
 * Returns 0 · -ECANCELED (not locked) · -EDEADLK (the caller holds it for writing) · -EPERM.
 * Threads: task. Suspends: while a writer holds it or waits before. Cost: no allocation.
 * Man: pthread_rwlock_rdlock(3).
 */
ROVE_API int rove_rwlock_rdlock(rove_rwlock *l);

/**
 * Lock for writing, alone.
 *
 * l  all-zero or used before.
 *
 * Returns 0 · -ECANCELED (not locked) · -EDEADLK (the caller holds it for writing) · -EPERM.
 * Threads: task. Suspends: while anyone holds it or waits before. Cost: no allocation.
 * Man: pthread_rwlock_wrlock(3).
 */
ROVE_API int rove_rwlock_wrlock(rove_rwlock *l);

/**
 * Lock for reading if that needs no waiting.
 *
 * l  all-zero or used before.
 *
 * Returns 0 · -EAGAIN · -EPERM.
 * Threads: task. Suspends: no. Cost: one short critical section.
 * Man: pthread_rwlock_tryrdlock(3).
 */
ROVE_API int rove_rwlock_tryrdlock(rove_rwlock *l);

/**
 * Lock for writing if that needs no waiting.
 *
 * l  all-zero or used before.
 *
 * Returns 0 · -EAGAIN · -EPERM.
 * Threads: task. Suspends: no. Cost: one short critical section.
 * Man: pthread_rwlock_trywrlock(3).
 */
ROVE_API int rove_rwlock_trywrlock(rove_rwlock *l);

/**
 * Give up the calling task's hold, for reading or for writing.
 *
 * l  locked by the calling task or thread; one that is not locked stops the program.
 *
 * Returns nothing.
 * Threads: who locked it. Suspends: no. Cost: one atomic step, and the wake-ups.
 * Man: pthread_rwlock_unlock(3).
 */
ROVE_API void rove_rwlock_unlock(rove_rwlock *l);

/**
 * Set the event and wake all who wait for it.
 *
 * e  all-zero or used before.
 *
 * Returns nothing; what was written before is visible to those who wake.
 * Threads: any thread. Suspends: no. Cost: one atomic step and the wake-ups.
 * asyncio: Event.set.
 */
ROVE_API void rove_event_set(rove_event *e);

/**
 * Unset the event; later waits wait again.
 *
 * e  all-zero or used before.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: one atomic step.
 * asyncio: Event.clear.
 */
ROVE_API void rove_event_clear(rove_event *e);

/**
 * Ask whether the event is set.
 *
 * e  all-zero or used before.
 *
 * Returns true if so.
 * Threads: any thread. Suspends: no. Cost: one load.
 * asyncio: Event.is_set.
 */
ROVE_API bool rove_event_is_set(const rove_event *e);

/**
 * Wait until the event is set; one that was set and cleared meanwhile counts.
 *
 * e  all-zero or used before.
 *
 * Returns 0 · -ECANCELED · -EPERM.
 * Threads: task. Suspends: unless it is set. Cost: no allocation.
 * asyncio: Event.wait.
 */
ROVE_API int rove_event_wait(rove_event *e);

/**
 * Unlock `m`, wait for a notification, lock `m` again.
 *
 * c  all-zero or used before.
 * m  locked by the calling task, as it is again on every return, whatever is returned.
 *
 * Returns 0 · -ECANCELED · -EINVAL (m is not the caller's) · -EPERM. No spurious wake-ups.
 * Threads: task. Suspends: yes. Cost: no allocation.
 * asyncio: Condition.wait.
 */
ROVE_API int rove_cond_wait(rove_cond *c, rove_mutex *m);

/**
 * Wake those who waited longest.
 *
 * c  all-zero or used before; the mutex of the waiters should be held.
 * n  how many at most.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * asyncio: Condition.notify.
 */
ROVE_API void rove_cond_notify(rove_cond *c, size_t n);

/**
 * Wake all who wait.
 *
 * c  all-zero or used before; the mutex of the waiters should be held.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * asyncio: Condition.notify_all.
 */
ROVE_API void rove_cond_notify_all(rove_cond *c);

/**
 * Give a semaphore its first value.
 *
 * s      not in use.
 * value  how many may acquire at once.
 * bound  the value it may never exceed; 0: none.
 *
 * Returns nothing; a value above the bound is cut to it.
 * Threads: any thread. Suspends: no. Cost: none.
 * asyncio: Semaphore(value), BoundedSemaphore(value).
 */
ROVE_API void rove_semaphore_init(rove_semaphore *s, size_t value, size_t bound);

/**
 * Take one, waiting in line while there is none.
 *
 * s  initialised, or all-zero: value 0, no bound.
 *
 * Returns 0 · -ECANCELED (nothing taken) · -EPERM.
 * Threads: task. Suspends: while the value is 0. Cost: one short critical section; no allocation.
 * asyncio: Semaphore.acquire.
 */
ROVE_API int rove_semaphore_acquire(rove_semaphore *s);

/**
 * Take one if that needs no waiting.
 *
 * s  as in rove_semaphore_acquire.
 *
 * Returns 0 · -EAGAIN · -EPERM.
 * Threads: task. Suspends: no. Cost: one short critical section.
 * asyncio: Semaphore.locked and acquire.
 */
ROVE_API int rove_semaphore_tryacquire(rove_semaphore *s);

/**
 * Give one back; the task that waited longest gets it.
 *
 * s  as in rove_semaphore_acquire.
 *
 * Returns 0 · -EOVERFLOW (past the bound; nothing changed).
 * Threads: any thread. Suspends: no. Cost: one short critical section, at most one wake-up.
 * asyncio: Semaphore.release.
 */
ROVE_API int rove_semaphore_release(rove_semaphore *s);

/**
 * Say how many tasks meet at a barrier.
 *
 * b        not in use.
 * parties  at least 1.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: none.
 * asyncio: Barrier(parties).
 */
ROVE_API void rove_barrier_init(rove_barrier *b, size_t parties);

/**
 * Wait until as many tasks wait as the barrier has parties; then all go on.
 *
 * b  initialised.
 *
 * Returns 0..parties-1, another for each of a round, in order of arrival · -EPIPE (broken, or
 * reset meanwhile) · -ECANCELED (it left; the others wait on) · -EINVAL (no parties) · -EPERM.
 * Threads: task. Suspends: unless it is the last to come. Cost: no allocation.
 * asyncio: Barrier.wait. Differs: the next round may fill while this one still goes on.
 */
ROVE_API int rove_barrier_wait(rove_barrier *b);

/**
 * Make the barrier empty and whole again; those who wait get -EPIPE.
 *
 * b  initialised.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * asyncio: Barrier.reset.
 */
ROVE_API void rove_barrier_reset(rove_barrier *b);

/**
 * Break the barrier: those who wait, and those who will, get -EPIPE until a reset.
 *
 * b  initialised.
 *
 * Returns nothing.
 * Threads: any thread. Suspends: no. Cost: the wake-ups.
 * asyncio: Barrier.abort.
 */
ROVE_API void rove_barrier_abort(rove_barrier *b);

/* What is to be done once: 0, or a negative error, and then another caller may try again. */
typedef int rove_once_fn(void *ctx);

/**
 * Call a function unless that has been done; who comes meanwhile waits until it is done.
 *
 * o    all-zero at first.
 * fn   may suspend; when it fails, the task that waited longest calls it next.
 * ctx  handed to fn.
 *
 * Returns 0 (done, by whomever) · what fn failed with · -ECANCELED (waiting for another) ·
 * -EDEADLK (from within fn) · -EINVAL · -EPERM.
 * Threads: task. Suspends: while another calls fn. Cost: one load once it is done.
 * Go: sync.Once. Differs: a failed call does not count.
 */
ROVE_API int rove_once_call(rove_once *o, rove_once_fn *fn, void *ctx);

/**
 * The value that the calling task has under a key.
 *
 * key  static, all-zero at first; its address is its identity.
 *
 * Returns the value set in this task, or copied from its creator at creation; NULL when there is
 * none, and outside a task.
 * Threads: task. Suspends: no. Cost: one look-up.
 * asyncio: ContextVar.get.
 */
ROVE_API void *rove_local_get(rove_local *key);

/**
 * Set the value that the calling task, and tasks it creates from now on, have under a key; so have
 * tasks that callbacks create which it asks for from now on.
 *
 * key    as in rove_local_get.
 * value  borrowed; nothing frees it.
 *
 * Returns 0 · -ENOMEM · -EPERM.
 * Threads: task. Suspends: no. Cost: one allocation the first time in a task.
 * asyncio: ContextVar.set.
 */
ROVE_API int rove_local_set(rove_local *key, void *value);

ROVE_END_DECLS

#endif

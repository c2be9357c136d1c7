// SPDX-License-Identifier: MIT
/*
 * Purpose: threads for work that blocks.
 *
 * Idea: a job lives in the frame of the task that waits for it. It is handed to the thread that
 * went idle last (its caches are warm, and the others can time out); if none is idle, a thread is
 * started as long as there may be more; else it waits in line, first come first served.
 *
 *     job      QUEUED -> BEGUN -> cell fired       or QUEUED -> withdrawn by a cancellation
 *     thread   runs a job, takes the next in line, else idle; after RV_POOL_IDLE_NS idle it ends
 *
 * A job that waits for somebody else, perhaps for ever, steps aside: its thread is beyond the limit
 * meanwhile, or the jobs in line, one of which it may be waiting for, would never begin. If there
 * is one thread too many when it is back, the first that has done its job ends.
 *
 * Owner: the runtime's pool, made on first use. A thread that ends joins the one that ended before
 * it, so at most one is left unjoined; stop joins the rest.
 * Threads: any; everything under `lock` but a thread's wake word.
 */
#include "sched/pool.h"

#include "core/check.h"
#include "core/list.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/os_process.h"
#include "sched/job.h"
#include "sched/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define RV_POOL_IDLE_NS (INT64_C(10) * 1000000000) /* arbitrary */

struct thread {
    struct rv_list idle_link;
    struct rv_list all_link;
    struct rv_pool *pool;
    struct rv_job *job;         /* handed over; under the lock */
    RV_ATOMIC(uint32_t) wake;   /* futex: 1 when something was handed over, or the pool stops */
    RV_ATOMIC(int32_t) tid;     /* 0: it is being started */
    pthread_t id;
};

struct rv_pool {
    struct rove_runtime *runtime;
    struct rv_lock lock;        /* guards what follows */
    bool is_stopping;
    unsigned thread_count;      /* running, idle or being started */
    unsigned aside_count;       /* those of them that do not count towards the limit */
    struct rv_list line;        /* jobs, first come first */
    struct rv_list idle;        /* threads, last come first */
    struct rv_list all;         /* threads that will still be there for a while */
    struct thread *ended;       /* the last to end, to be joined */
};

struct rv_pool *rv_pool_of(struct rove_runtime *runtime)
{
    /* order: acquire P4. The pool's fields before its address; pairs with the exchange below. */
    struct rv_pool *pool = rv_load_acquire(&runtime->pool);
    if (pool != NULL) {
        return pool;
    }
    struct rv_pool *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    made->runtime = runtime;
    rv_list_init(&made->line);
    rv_list_init(&made->idle);
    rv_list_init(&made->all);
    /* order: acq_rel P4. Another may have been first; pairs with the load above. */
    if (rv_cas_acq_rel(&runtime->pool, &pool, made)) {
        return made;
    }
    free(made);
    return pool;
}

/* No list has the job any more; its frame may be gone when this returns. */
static void end_job(struct rv_pool *pool, struct rv_job *job, int rc)
{
    job->rc = rc;
    /* First: once the task runs, whoever falls asleep last looks at the count. */
    rv_fetch_sub_relaxed(&pool->runtime->outside_pending, 1);
    rv_waiter_fire(&job->cell);
}

static RV_ATOMIC(int64_t) idle_ns = RV_POOL_IDLE_NS;

void rv_pool_set_idle_ns(int64_t ns)
{
    rv_store_relaxed(&idle_ns, ns);
}

static struct rv_job *job_of(struct rv_list *link)
{
    return link == NULL ? NULL : rv_container_of(link, struct rv_job, link);
}

/* Lock held: how many more threads there may be; negative: somebody is back from aside. */
static int64_t room_of(const struct rv_pool *pool)
{
    return (int64_t)pool->runtime->options.max_threads + pool->aside_count - pool->thread_count;
}

/* Lock held: the next in line; else the thread is idle until it is woken. Neither: it is one too
 * many. */
static struct rv_job *take_job_or_idle(struct rv_pool *pool, struct thread *t)
{
    if (RV_UNLIKELY(room_of(pool) < 0)) {
        return NULL;
    }
    struct rv_job *job = job_of(rv_list_pop_front(&pool->line));
    if (job == NULL && !pool->is_stopping) {
        t->job = NULL;
        rv_store_relaxed(&t->wake, 0u);
        rv_list_push_front(&pool->idle, &t->idle_link);
    }
    return job;
}

/* Idle, lock not held: a job that was handed over; NULL: time to end, out of the idle list. */
static struct rv_job *wait_for_job(struct rv_pool *pool, struct thread *t)
{
    int rc = 0;
    /* order: acquire P5. The job before the wake; pairs with hand_over. */
    while (rv_load_acquire(&t->wake) == 0 && rc != -ETIMEDOUT) {
        rc = rv_os_futex_wait(&t->wake, 0, rv_load_relaxed(&idle_ns));
    }
    rv_lock_acquire(&pool->lock);
    rv_list_remove(&t->idle_link);
    struct rv_job *job = t->job;
    rv_lock_release(&pool->lock);
    return job;
}

static struct rv_job *next_job(struct rv_pool *pool, struct thread *t)
{
    rv_lock_acquire(&pool->lock);
    struct rv_job *job = take_job_or_idle(pool, t);
    bool is_idle = rv_list_is_linked(&t->idle_link);
    rv_lock_release(&pool->lock);
    return is_idle ? wait_for_job(pool, t) : job;
}

static void join(struct thread *t)
{
    if (t != NULL) {
        rv_os_thread_join(t->id);
        free(t);
    }
}

/* False: a job got in line after this thread had stopped waiting for one; nobody else may come,
 * but where there are too many. */
static bool leave(struct rv_pool *pool, struct thread *t)
{
    struct thread *before = NULL;
    rv_lock_acquire(&pool->lock);
    bool is_over = rv_list_is_empty(&pool->line) || room_of(pool) < 0;
    if (is_over) {
        pool->thread_count--;
    }
    if (is_over && !pool->is_stopping) { /* else rv_pool_stop joins this one */
        rv_list_remove(&t->all_link);
        before = pool->ended;
        pool->ended = t;
    }
    rv_lock_release(&pool->lock);
    join(before);
    return is_over;
}

/* Whoever waits for the job would wait for ever. */
static void on_thread_exit(void)
{
    rv_panic("a function on a thread of rove_to_thread called pthread_exit");
}

static void *thread_main(void *arg)
{
    static const struct rv_os_end_watch end_watch = {on_thread_exit};
    struct thread *t = arg;
    struct rv_pool *pool = t->pool;
    struct rv_job *job;
    rv_os_set_thread_name("rove-pool");
    rv_os_watch_thread_end(&end_watch);
    rv_store_relaxed(&t->tid, (int32_t)rv_os_gettid());
    do {
        while ((job = next_job(pool, t)) != NULL) {
            end_job(pool, job, job->fn(job->arg, &job->result));
        }
    } while (!leave(pool, t));
    rv_os_end_thread_watch();
    return NULL;
}

/* Counted already. The new thread finds its work in the line. 0, or -EAGAIN, -ENOMEM. */
static int start_thread(struct rv_pool *pool)
{
    sigset_t mask;
    struct thread *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return -ENOMEM;
    }
    t->pool = pool;
    rv_list_init(&t->idle_link);
    rv_list_init(&t->all_link);
    rv_lock_acquire(&pool->lock);
    rv_list_push_back(&pool->all, &t->all_link);
    rv_lock_release(&pool->lock);
    rv_os_block_async_signals(&mask);
    int rc = rv_os_thread_create(&t->id, thread_main, t);
    rv_os_restore_signals(&mask);
    if (rc < 0) {
        rv_lock_acquire(&pool->lock);
        rv_list_remove(&t->all_link);
        rv_lock_release(&pool->lock);
        free(t);
    }
    return rc;
}

bool rv_job_withdraw(struct rv_pool *pool, struct rv_job *job)
{
    rv_lock_acquire(&pool->lock);
    bool is_queued = rv_list_is_linked(&job->link);
    if (is_queued) {
        rv_list_remove(&job->link);
    }
    rv_lock_release(&pool->lock);
    if (is_queued) {
        rv_fetch_sub_relaxed(&pool->runtime->outside_pending, 1);
    }
    return is_queued;
}

static struct rv_job *take_orphan(struct rv_pool *pool)
{
    rv_lock_acquire(&pool->lock);
    bool has_taker = pool->thread_count > pool->aside_count;
    struct rv_job *job = has_taker ? NULL : job_of(rv_list_pop_front(&pool->line));
    rv_lock_release(&pool->lock);
    return job;
}

/* A thread could not be started: its job waits for another; if there is none, all in line fail. One
 * that stands aside is none. */
static void give_up_thread(struct rv_pool *pool)
{
    struct rv_job *job;
    rv_lock_acquire(&pool->lock);
    pool->thread_count--;
    rv_lock_release(&pool->lock);
    while ((job = take_orphan(pool)) != NULL) {
        end_job(pool, job, -EAGAIN);
    }
}

/* Lock held. True: the caller then starts one more thread, which is counted already. */
static bool is_thread_wanted(struct rv_pool *pool)
{
    bool is = !rv_list_is_empty(&pool->line) && room_of(pool) > 0;
    pool->thread_count += is;
    return is;
}

static void start_wanted_thread(struct rv_pool *pool)
{
    if (start_thread(pool) < 0) {
        give_up_thread(pool);
    }
}

void rv_job_submit(struct rv_pool *pool, struct rv_job *job)
{
    bool must_start = false;
    rv_fetch_add_relaxed(&pool->runtime->outside_pending, 1);
    rv_lock_acquire(&pool->lock);
    struct rv_list *link = rv_list_pop_front(&pool->idle);
    struct thread *t = link == NULL ? NULL : rv_container_of(link, struct thread, idle_link);
    if (t != NULL) {
        t->job = job;
        /* order: release P5. The job before the wake; pairs with wait_for_job. */
        rv_store_release(&t->wake, 1u);
    } else {
        rv_list_push_back(&pool->line, &job->link);
        must_start = is_thread_wanted(pool);
    }
    rv_lock_release(&pool->lock);
    if (t != NULL) {
        rv_os_futex_wake(&t->wake, 1); /* if it is gone, nobody sleeps there: a wake for nobody */
    } else if (must_start) {
        start_wanted_thread(pool);
    }
}

void rv_pool_step_aside(struct rove_runtime *runtime)
{
    struct rv_pool *pool = rv_pool_of(runtime);
    rv_lock_acquire(&pool->lock);
    pool->aside_count++;
    bool must_start = is_thread_wanted(pool);
    rv_lock_release(&pool->lock);
    if (must_start) {
        start_wanted_thread(pool);
    }
}

void rv_pool_step_back(struct rove_runtime *runtime)
{
    struct rv_pool *pool = rv_pool_of(runtime);
    rv_lock_acquire(&pool->lock);
    RV_CHECK(pool->aside_count > 0, "who steps back stood aside");
    pool->aside_count--;
    rv_lock_release(&pool->lock);
}

void rv_pool_strike(struct rove_runtime *runtime, pid_t tids[], size_t n)
{
    /* order: acquire P4. Pairs with rv_pool_of. */
    struct rv_pool *pool = rv_load_acquire(&runtime->pool);
    if (pool == NULL) {
        return;
    }
    rv_lock_acquire(&pool->lock);
    RV_LIST_FOR_EACH(link, &pool->all) {
        int32_t tid = rv_load_relaxed(&rv_container_of(link, struct thread, all_link)->tid);
        for (size_t i = 0; i < n; i++) {
            tids[i] = tids[i] == tid ? 0 : tids[i];
        }
    }
    rv_lock_release(&pool->lock);
}

unsigned rv_pool_thread_count(struct rove_runtime *runtime)
{
    /* order: acquire P4. Pairs with rv_pool_of. */
    struct rv_pool *pool = rv_load_acquire(&runtime->pool);
    if (pool == NULL) {
        return 0;
    }
    rv_lock_acquire(&pool->lock);
    unsigned count = pool->thread_count;
    rv_lock_release(&pool->lock);
    return count;
}

/* Nobody starts or idles from here on. */
static void tell_all(struct rv_pool *pool)
{
    rv_lock_acquire(&pool->lock);
    RV_CHECK(rv_list_is_empty(&pool->line), "no task waits for a pool that stops");
    pool->is_stopping = true;
    RV_LIST_FOR_EACH(link, &pool->all) {
        struct thread *t = rv_container_of(link, struct thread, all_link);
        rv_store_relaxed(&t->wake, 1u);
    }
    rv_lock_release(&pool->lock);
    RV_LIST_FOR_EACH(link, &pool->all) {
        rv_os_futex_wake(&rv_container_of(link, struct thread, all_link)->wake, 1);
    }
}

void rv_pool_stop(struct rove_runtime *runtime)
{
    /* order: acquire P4. Pairs with rv_pool_of. */
    struct rv_pool *pool = rv_load_acquire(&runtime->pool);
    if (pool == NULL) {
        return;
    }
    tell_all(pool);
    struct rv_list *link;
    while ((link = rv_list_pop_front(&pool->all)) != NULL) {
        join(rv_container_of(link, struct thread, all_link));
    }
    join(pool->ended);
    rv_store_relaxed(&runtime->pool, NULL);
    free(pool);
}

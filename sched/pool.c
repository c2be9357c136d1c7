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
 * Owner: the runtime's pool, made on first use. A thread that ends joins the one that ended before
 * it, so at most one is left unjoined; stop joins the rest.
 * Threads: any; everything under `lock` but a thread's wake word.
 */
#include "sched/pool.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/os_process.h"
#include "sched/current.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "sched/waitq.h"

#include <rove/thread.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define RV_POOL_IDLE_NS (INT64_C(10) * 1000000000) /* arbitrary */
#define RV_POOL_HURRY_MIN_NS 100000 /* arbitrary */
#define RV_POOL_HURRY_MAX_NS 20000000

struct job {
    struct rv_list link;   /* in pool->line while it waits there; under the lock */
    rove_coro *fn;
    void *arg;
    void (*hurry)(void *arg); /* NULL: it takes its time */
    void *result;          /* fn's, before the cell is fired */
    int rc;
    struct rv_waiter cell; /* in no queue; fired when fn has returned */
};

struct thread {
    struct rv_list idle_link;
    struct rv_list all_link;
    struct rv_pool *pool;
    struct job *job;            /* handed over; under the lock */
    RV_ATOMIC(uint32_t) wake;   /* futex: 1 when something was handed over, or the pool stops */
    RV_ATOMIC(int32_t) tid;     /* 0: it is being started */
    pthread_t id;
};

struct rv_pool {
    struct rove_runtime *runtime;
    struct rv_lock lock;        /* guards what follows */
    bool is_stopping;
    unsigned thread_count;      /* running, idle or being started */
    struct rv_list line;        /* jobs, first come first */
    struct rv_list idle;        /* threads, last come first */
    struct rv_list all;         /* threads that will still be there for a while */
    struct thread *ended;       /* the last to end, to be joined */
};

static struct rv_pool *pool_of(struct rove_runtime *runtime)
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
static void end_job(struct rv_pool *pool, struct job *job, int rc)
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

static struct job *job_of(struct rv_list *link)
{
    return link == NULL ? NULL : rv_container_of(link, struct job, link);
}

/* Lock held: the next in line; else the thread is idle until it is woken. */
static struct job *take_job_or_idle(struct rv_pool *pool, struct thread *t)
{
    struct job *job = job_of(rv_list_pop_front(&pool->line));
    if (job == NULL && !pool->is_stopping) {
        t->job = NULL;
        rv_store_relaxed(&t->wake, 0u);
        rv_list_push_front(&pool->idle, &t->idle_link);
    }
    return job;
}

/* Idle, lock not held: a job that was handed over; NULL: time to end, out of the idle list. */
static struct job *wait_for_job(struct rv_pool *pool, struct thread *t)
{
    int rc = 0;
    /* order: acquire P5. The job before the wake; pairs with hand_over. */
    while (rv_load_acquire(&t->wake) == 0 && rc != -ETIMEDOUT) {
        rc = rv_os_futex_wait(&t->wake, 0, rv_load_relaxed(&idle_ns));
    }
    rv_lock_acquire(&pool->lock);
    rv_list_remove(&t->idle_link);
    struct job *job = t->job;
    rv_lock_release(&pool->lock);
    return job;
}

static struct job *next_job(struct rv_pool *pool, struct thread *t)
{
    rv_lock_acquire(&pool->lock);
    struct job *job = take_job_or_idle(pool, t);
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

/* False: a job got in line after this thread had stopped waiting for one; nobody else may come. */
static bool leave(struct rv_pool *pool, struct thread *t)
{
    struct thread *before = NULL;
    rv_lock_acquire(&pool->lock);
    bool is_over = rv_list_is_empty(&pool->line);
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
    struct job *job;
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

/* Takes a job that has not begun out of the line: false: too late. */
static bool withdraw(struct rv_pool *pool, struct job *job)
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

static struct job *take_orphan(struct rv_pool *pool)
{
    rv_lock_acquire(&pool->lock);
    struct job *job = pool->thread_count > 0 ? NULL : job_of(rv_list_pop_front(&pool->line));
    rv_lock_release(&pool->lock);
    return job;
}

/* A thread could not be started: its job waits for another; if there is none, all in line fail. */
static void give_up_thread(struct rv_pool *pool)
{
    struct job *job;
    rv_lock_acquire(&pool->lock);
    pool->thread_count--;
    rv_lock_release(&pool->lock);
    while ((job = take_orphan(pool)) != NULL) {
        end_job(pool, job, -EAGAIN);
    }
}

/* Some thread has it or will take it, or it ends with -EAGAIN. */
static void submit(struct rv_pool *pool, struct job *job)
{
    bool is_thread_wanted = false;
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
        is_thread_wanted = pool->thread_count < pool->runtime->options.max_threads;
        pool->thread_count += is_thread_wanted;
    }
    rv_lock_release(&pool->lock);
    if (t != NULL) {
        rv_os_futex_wake(&t->wake, 1); /* if it is gone, nobody sleeps there: a wake for nobody */
    } else if (is_thread_wanted && start_thread(pool) < 0) {
        give_up_thread(pool);
    }
}

struct reminder {
    struct rv_timer timer;
    struct rv_task *task;
};

static void remind(struct rv_timer *timer)
{
    rv_wake(rv_container_of(timer, struct reminder, timer)->task);
}

/* It has begun, and may not be where it can be hurried yet: so again, less and less often. */
static void hurry(struct job *job, struct rv_task *self)
{
    struct reminder reminder = {.task = self};
    int64_t pause_ns = RV_POOL_HURRY_MIN_NS;
    rv_heap_node_init(&reminder.timer.node);
    while (!rv_waiter_is_fired(&job->cell)) {
        int64_t next_ns = rv_clock_now() + pause_ns;
        job->hurry(job->arg);
        int rc = rv_timer_arm(&reminder.timer, next_ns, remind);
        while (rc == 0 && !rv_waiter_is_fired(&job->cell) && rv_clock_now() < next_ns) {
            rv_park(self, RV_WAIT_THREAD, job);
            (void)rv_take_cancel(self); /* one more request merges into the first */
        }
        rv_timer_disarm(&reminder.timer);
        if (rc < 0) {
            rv_yield(self);
        }
        pause_ns = pause_ns < RV_POOL_HURRY_MAX_NS ? pause_ns * 2 : pause_ns;
    }
}

/*
 * Runs fn. 0: it ran, with its outcome in job; else it did not. *is_cancelled: a request was taken
 * after it had begun.
 */
static int run(struct rove_runtime *runtime, struct job *job, bool *is_cancelled)
{
    struct rv_task *self = job->cell.task;
    *is_cancelled = false;
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    struct rv_pool *pool = pool_of(runtime);
    if (pool == NULL) {
        return -EAGAIN;
    }
    int rc = 0;
    submit(pool, job);
    while (rc == 0 && !rv_waiter_is_fired(&job->cell)) {
        if (!rv_take_cancel(self)) {
            rv_park(self, RV_WAIT_THREAD, job);
        } else if (withdraw(pool, job)) {
            rc = -ECANCELED;
        } else {
            *is_cancelled = true;
            if (job->hurry != NULL) {
                hurry(job, self);
            }
        }
    }
    return rc;
}

static void init_job(struct job *job, struct rv_task *self, rove_coro *fn, void *arg)
{
    *job = (struct job){.fn = fn, .arg = arg};
    rv_list_init(&job->link);
    rv_waiter_init(&job->cell, self);
}

static int run_and_report(struct rove_runtime *runtime, struct job *job, void **result)
{
    bool is_cancelled;
    int rc = run(runtime, job, &is_cancelled);
    if (rc < 0) {
        return rc;
    }
    if (is_cancelled) {
        rv_put_back_cancel(job->cell.task);
    }
    if (job->rc >= 0 && result != NULL) {
        *result = job->result;
    }
    return job->rc;
}

int rv_pool_run(struct rove_runtime *runtime, rove_coro *fn, void *arg, void **result)
{
    struct rv_task *self = rv_current_task();
    struct job job;
    RV_CHECK(self != NULL, "only a task waits for a pool thread");
    init_job(&job, self, fn, arg);
    return run_and_report(runtime, &job, result);
}

int rv_pool_run_hurried(struct rove_runtime *runtime, rove_coro *fn, void *arg,
                        void (*hurry_up)(void *arg))
{
    struct rv_task *self = rv_current_task();
    struct job job;
    RV_CHECK(self != NULL, "only a task waits for a pool thread");
    init_job(&job, self, fn, arg);
    job.hurry = hurry_up;
    return run_and_report(runtime, &job, NULL);
}

int rove_to_thread(rove_coro *fn, void *arg, void **result)
{
    struct rv_task *self = rv_current_task();
    struct job job;
    bool is_cancelled;
    if (self == NULL) {
        return -EPERM;
    }
    if (fn == NULL) {
        return -EINVAL;
    }
    init_job(&job, self, fn, arg);
    int rc = run(self->runtime, &job, &is_cancelled);
    if (rc < 0) {
        return rc;
    }
    if (is_cancelled || rv_take_cancel(self)) {
        return -ECANCELED;
    }
    if (job.rc >= 0 && result != NULL) {
        *result = job.result;
    }
    return job.rc;
}

void rv_pool_strike(struct rove_runtime *runtime, pid_t tids[], size_t n)
{
    /* order: acquire P4. Pairs with pool_of. */
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
    /* order: acquire P4. Pairs with pool_of. */
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
    /* order: acquire P4. Pairs with pool_of. */
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

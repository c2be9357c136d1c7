// SPDX-License-Identifier: MIT
/*
 * Purpose: the loop of a worker: look around, run, search, sleep.
 *
 * Idea: most switches go from task to task (switch.c). The loop here runs when there is no next
 * task, or every `tick_budget` switches. The budget is what fits into RV_WORKER_LOOK_NS at the pace
 * of the last turn, so that short steps pay little and long ones do not delay timers and I/O.
 *
 * Threads: each worker's own.
 */
#include "sched/worker.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"
#include "core/os_process.h"
#include "sched/current.h"
#include "sched/deadlock.h"
#include "sched/fork.h"
#include "sched/idle.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/steal.h"
#include "sched/switch.h"
#include "sched/task.h"
#include "sched/watch.h"

#include <errno.h>
#include <stdio.h>

#define RV_WORKER_LOOK_NS 100000
#define RV_WORKER_CONTS_LOG2_MIN 6
#define RV_WORKER_CONTS_LOG2_MAX 24
#define RV_WORKER_KEEP_STACKS 4096 /* free stacks a runtime keeps: 16 MiB or a little more */
#define RV_WORKER_KEEP_BLOCKS 4096 /* 1 MiB: fewer are not worth a look */
#define RV_WORKER_TRIM_NS INT64_C(1000000000)
#define RV_WORKER_TRIM_BATCHES 4   /* between two looks around: a few hundred microseconds */
#define RV_WORKER_SOON_NS 20000000 /* arbitrary: later ones mind a long step less */

int rv_worker_init(struct rv_worker *w, struct rove_runtime *runtime, unsigned idx)
{
    w->runtime = runtime;
    w->idx = idx;
    w->is_alone = runtime->options.workers == 1; /* the count is made as they are */
    w->parks_late = w->is_alone && !runtime->options.debug; /* a report would call it ready */
    w->tick = 1;
    rv_store_relaxed(&w->cpu, UINT32_MAX);
    w->tick_budget = RV_WORKER_TICK;
    rv_fifo_init(&w->pinned);
    rv_bias_init(&w->bias);
    rv_runq_init(&w->runq);
    rv_inbox_init(&w->inbox);
    uint64_t seed;
    rv_os_random(&seed, sizeof seed);
    rv_rand_seed(&w->rand, seed);
    rv_block_cache_init(&w->blocks, runtime->blocks);
    rv_stack_cache_init(&w->stacks, runtime->stacks);
    int rc = rv_timers_init(&w->timers);
    rc = rc < 0 ? rc : rv_thief_init(&w->thief, runtime->options.workers);
    if (rc == 0) {
        rc = rv_deque_init(&w->conts, RV_WORKER_CONTS_LOG2_MIN, RV_WORKER_CONTS_LOG2_MAX);
        if (rc < 0) {
            rv_thief_fini(&w->thief);
        }
    }
    return rc;
}

void rv_worker_fini(struct rv_worker *w)
{
    RV_CHECK(w->only == NULL && rv_runq_is_empty_owner(&w->runq) &&
                 rv_backlog_is_empty(&w->overflow),
             "no task is left in the queues of a worker that ends");
    rv_timers_fini(&w->timers);
    rv_backlog_fini(&w->overflow);
    rv_deque_fini(&w->conts);
    rv_thief_fini(&w->thief);
}

/* How many switches until the next look, from how long the last ones took. */
static void set_budget(struct rv_worker *w, int64_t now_ns)
{
    int64_t elapsed = now_ns - w->now_ns;
    uint32_t used = w->tick_budget - w->tick + 1;
    int64_t budget = RV_WORKER_TICK;
    if (elapsed > RV_WORKER_LOOK_NS / 2) {
        budget = (int64_t)used * RV_WORKER_LOOK_NS / elapsed;
    }
    w->tick_budget = (uint32_t)(budget < 2 ? 2 : budget > RV_WORKER_TICK ? RV_WORKER_TICK : budget);
    w->tick = w->tick_budget;
    w->now_ns = now_ns;
}

static void take_inbox(struct rv_worker *w)
{
    if (rv_inbox_is_empty(&w->inbox)) {
        return;
    }
    struct rv_inbox_node *node = rv_inbox_take_all(&w->inbox);
    while (node != NULL) {
        struct rv_inbox_node *next = node->next;
        struct rv_message *message = rv_container_of(node, struct rv_message, node);
        message->receive(w, message); /* message may be gone from here on */
        node = next;
    }
}

void rv_worker_post(struct rv_worker *w, struct rv_message *message)
{
    if (rv_fork_is_dead(w->runtime)) {
        return;
    }
    rv_inbox_push(&w->inbox, &message->node);
    rv_idle_notify_worker(w);
}

/* A lone worker that sleeps next, and looks at the clock when it wakes. */
static bool is_quiet(struct rv_worker *w)
{
    return w->is_alone && !w->is_debug && rv_load_relaxed(&w->timers.next_ns) == INT64_MAX &&
           rv_inbox_is_empty(&w->inbox) && rv_load_relaxed(&w->runtime->injected_count) == 0 &&
           rv_ready_is_empty(w) && !w->runtime->poller->needs_poll(w);
}

/* Everything that can make a task ready here, without blocking. Who has just slept knows the time:
 * a look at the clock is a hundredth of a request on the only connection. */
static RV_HOT void look_around(struct rv_worker *w, bool has_just_slept)
{
    rv_store_relaxed(&w->is_wanted, 0);
    if (!has_just_slept && is_quiet(w)) {
        return;
    }
    int64_t now_ns = has_just_slept ? w->now_ns : rv_clock_now();
    set_budget(w, now_ns);
    if (RV_UNLIKELY(rv_load_relaxed(&w->runtime->starved) != w->starved_seen)) {
        rv_seat_share(w);
    }
    take_inbox(w);
    if (rv_load_relaxed(&w->timers.next_ns) <= now_ns) {
        rv_timers_fire(&w->timers, now_ns);
    }
    if (w->runtime->poller->needs_poll(w)) {
        rv_count(&w->count.polls, 1);
        /* PATH 10/14 -> io/uring.c uring_poll */
        w->runtime->poller->poll(w);
    }
    if (w->runtime->worker_count == 1) {
        rv_ready_take_injected(w);
        return;
    }
    rv_active_look(w, now_ns);
    if (RV_LIKELY(!rv_active_is_aside(w)) || w->pace.is_helping) {
        rv_ready_take_injected(w);
        rv_watch_poll(w, now_ns);
    }
}

/* A searcher found work. The last one makes sure that what others left to it is seen (idle.c). */
static RV_HOT void found(struct rv_worker *w)
{
    w->thief.is_churn = false;
    if (w->is_searching && rv_idle_stop_search(w) &&
        (rv_steal_is_work_visible(w) || rv_watch_is_needed(w))) {
        rv_idle_notify(w->runtime);
    }
}

/* Some free stacks go back to the kernel. True: there are more. */
static bool trim_stacks(struct rv_stack_pool *pool)
{
    if (rv_stack_pool_free_hint(pool) <= RV_WORKER_KEEP_STACKS) {
        return false;
    }
    for (unsigned i = 0; i < RV_WORKER_TRIM_BATCHES; i++) {
        if (rv_stack_pool_free_hint(pool) <= RV_WORKER_KEEP_STACKS + RV_STACK_BATCH ||
            rv_stack_pool_trim_batch(pool) == 0) {
            rv_stack_pool_trim(pool, RV_WORKER_KEEP_STACKS * rv_os_page_size());
            return false;
        }
    }
    return true;
}

/* A little at a time: a million stacks take a second. Then the tasks' blocks. */
static int64_t give_memory_back(struct rv_worker *w)
{
    if (trim_stacks(w->runtime->stacks) || rv_block_pool_trim_some(w->runtime->blocks)) {
        return w->now_ns;
    }
    w->trim_at_ns = 0;
    return INT64_MAX;
}

/*
 * About to sleep: what many tasks have left, stacks beyond RV_WORKER_KEEP_STACKS and blocks, and
 * nobody has needed for a second, goes back to the kernel. Until when the worker may sleep because
 * of that.
 */
static int64_t trim_memory(struct rv_worker *w)
{
    if (RV_LIKELY(rv_stack_pool_free_hint(w->runtime->stacks) <= RV_WORKER_KEEP_STACKS &&
                  rv_block_pool_returned_hint(w->runtime->blocks) <= RV_WORKER_KEEP_BLOCKS)) {
        w->trim_at_ns = 0;
        return INT64_MAX;
    }
    uint64_t created = rv_load_relaxed(&w->count.created);
    if (w->trim_at_ns == 0 || created - w->trim_created > RV_WORKER_KEEP_STACKS) {
        w->trim_at_ns = w->now_ns + RV_WORKER_TRIM_NS;
        w->trim_created = created;
    } else if (w->now_ns >= w->trim_at_ns) {
        return give_memory_back(w);
    }
    return w->trim_at_ns;
}

static RV_HOT void sleep_until(struct rv_worker *w, int64_t deadline_ns)
{
    rv_count(&w->count.parks, 1);
    rv_store_relaxed(&w->is_running, 0);
    w->runtime->poller->sleep(w, deadline_ns);
    rv_store_relaxed(&w->is_running, 1);
    w->now_ns = rv_clock_now();
    w->tick = w->tick_budget;
}

static RV_HOT void sleep_in_poller(struct rv_worker *w)
{
    int64_t deadline = rv_load_relaxed(&w->timers.next_ns);
    int64_t trim_at = trim_memory(w);
    deadline = trim_at < deadline ? trim_at : deadline;
    if (w->runtime->worker_count > 1) {
        deadline = rv_watch_begin(w, w->now_ns, deadline);
    }
    if (w->thief.is_dozing) {
        deadline = rv_steal_doze_until(w, deadline);
    }
    if (RV_UNLIKELY(w->is_debug)) {
        deadline = rv_deadlock_look(w, deadline);
    }
    sleep_until(w, deadline);
    rv_idle_retract(w);
    rv_watch_end(w);
}

/* Nothing to do here: searches the others, else sleeps. */
static RV_HOT struct rv_task *search_or_sleep(struct rv_worker *w, bool *has_slept)
{
    if (w->runtime->worker_count > 1 && rv_idle_try_search(w)) {
        struct rv_task *t = rv_steal_search(w);
        if (t != NULL) {
            found(w);
            return t;
        }
    }
    rv_idle_announce(w);
    rv_runtime_note_idle(w->runtime);
    if (w->thief.is_churn) {
        rv_idle_begin_calm(w);
    }
    if (rv_steal_is_work_visible(w)) {
        rv_idle_retract(w);
        rv_idle_start_search(w); /* if it finds other work first, it owes a look at this */
    } else {
        sleep_in_poller(w);
        *has_slept = true;
    }
    if (w->thief.is_dozing) {
        rv_idle_end_calm(w);
    }
    return NULL;
}

/* Nobody watches, and the step may be a long one: see watch.c. */
static RV_NOINLINE void leave_nothing_behind(struct rv_worker *w)
{
    int64_t next_ns = rv_load_relaxed(&w->timers.next_ns);
    bool is_timer_near = next_ns != INT64_MAX && next_ns - w->now_ns < RV_WORKER_SOON_NS;
    if (is_timer_near || rv_runq_private_hint(&w->runq) > 0 || w->is_debug) { /* to be named */
        rv_idle_notify(w->runtime);
    }
}

/* PATH 7/14 -> sched/task.c task_entry */
static RV_HOT void run(struct rv_worker *w, struct rv_task *t)
{
    w->runtime->poller->flush(w);
    if (!w->is_alone && rv_watch_is_off(w)) {
        leave_nothing_behind(w);
    }
    rv_switch_from_scheduler(w, t);
}

/* Others want the processors too, and there are workers enough (active.h). */
static struct rv_task *stand_aside(struct rv_worker *w, bool *has_slept)
{
    struct rv_task *t = rv_active_pick(w);
    if (t == NULL) {
        rv_runtime_note_idle(w->runtime);
        sleep_until(w, rv_active_begin_sleep(w));
        rv_active_end_sleep(w);
        *has_slept = true;
    }
    return t;
}

/* PATH 5/14 -> sched/steal.c rv_steal_search */
static RV_HOT void loop(struct rv_worker *w)
{
    struct rove_runtime *runtime = w->runtime;
    bool has_slept = false;
    while (rv_load_relaxed(&runtime->is_stopping) < 2) {
        look_around(w, has_slept);
        has_slept = false;
        struct rv_task *t;
        if (!w->is_alone && RV_UNLIKELY(rv_active_is_aside(w))) {
            t = stand_aside(w, &has_slept);
        } else {
            t = rv_ready_pick_fair(w);
            if (t != NULL) {
                found(w);
            } else {
                t = search_or_sleep(w, &has_slept);
            }
        }
        if (t != NULL) {
            run(w, t);
        }
    }
    if (w->is_searching) {
        rv_idle_stop_search(w);
    }
}

/* A task called pthread_exit: the others of this worker could never run again, and its operations
 * would write to a stack that is gone. */
static void on_thread_exit(void)
{
    const struct rv_worker *w = rv_current_worker();
    const struct rv_task *t = w == NULL ? NULL : rv_load_relaxed(&w->current);
    rv_panic("task %s called pthread_exit, which would end worker %u and strand its tasks",
             t == NULL || t->name == NULL ? "without a name" : t->name, w == NULL ? 0 : w->idx);
}

RV_HOT void *rv_worker_main(void *arg)
{
    static const struct rv_os_end_watch end_watch = {on_thread_exit};
    struct rv_worker *w = arg;
    char name[16];
    snprintf(name, sizeof name, "rove-%u", w->idx);
    rv_os_set_thread_name(name);
    rv_os_set_timer_slack(1);
    rv_current_set_worker(w);
    rv_context_init_thread(&w->scheduler);
    w->tid = (int32_t)rv_os_gettid();
    struct rv_os_alt_stack alt;
    rv_os_alt_stack_enter(&alt);
    rv_os_refuse_thread_cancel();
    rv_os_watch_thread_end(&end_watch);
    int rc = w->runtime->poller->worker_start(w);
    rv_active_start(w);
    if (rv_runtime_worker_ready(w->runtime, rc)) {
        w->now_ns = rv_clock_now();
        rv_store_relaxed(&w->is_running, 1);
        loop(w);
    }
    rv_active_stop(w);
    if (rc == 0) {
        w->runtime->poller->worker_stop(w);
    }
    rv_seat_give_up(w);
    rv_block_cache_flush(&w->blocks);
    rv_os_alt_stack_leave(&alt);
    rv_os_end_thread_watch();
    rv_context_fini(&w->scheduler);
    rv_current_set_worker(NULL);
    return NULL;
}

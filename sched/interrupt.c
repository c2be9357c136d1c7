// SPDX-License-Identifier: MIT
/*
 * Purpose: SIGINT and rove_run, sched/interrupt.h.
 *
 * Idea: as asyncio's Runner. Only the process's main thread catches SIGINT, and only if the program
 * left it alone. The handler may do little: it pushes a message that lies ready into the inbox of a
 * worker and wakes it; the worker cancels main. What main makes of its cancellation is its own
 * affair, so a program that catches it goes on; the signal has its default action again by then.
 *
 *     handler   visitors += 1; a runtime there? push, wake : kill; visitors -= 1
 *     end       no runtime there any more; wait until there are no visitors
 *
 * Threads: begin and end on the main thread; the handler on any that does not block SIGINT, which
 * no worker is.
 * Rejected: a task that waits for SIGINT: all_tasks would show it, and a runtime with nothing left
 * but it would never be found deadlocked.
 */
#include "sched/interrupt.h"

#include "core/lock.h"
#include "core/os.h"
#include "sched/fork.h"
#include "sched/poller.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <rove/task.h>

#include <errno.h>

static struct {
    struct rv_message message;
    struct rv_lock lock;                  /* guards the next two; the handler does not take it */
    struct rv_task *main;                 /* NULL: not there yet, or it has ended */
    bool is_over;                         /* main has been cancelled */
    RV_ATOMIC(struct rove_runtime *) runtime;
    RV_ATOMIC(uint32_t) visitors;         /* handlers that may be using the runtime */
    RV_ATOMIC(uint32_t) is_sent;
} state;

/* A SIGINT has come. It may have come before main was there, and then its message finds nobody. */
static void cancel_once(void)
{
    rove_task *t = NULL;
    rv_lock_acquire(&state.lock);
    if (state.main != NULL && !state.is_over) {
        state.is_over = true;
        t = rove_retain(&state.main->future);
    }
    rv_lock_release(&state.lock);
    if (t != NULL) {
        (void)rove_cancel(t);
        rove_release(t);
    }
}

static void receive(struct rv_worker *w, struct rv_message *message)
{
    (void)w;
    (void)message;
    cancel_once();
}

static void send_once(struct rove_runtime *runtime)
{
    if (rv_exchange_relaxed(&state.is_sent, 1u) != 0) {
        return;
    }
    /* Not rv_worker_post: it takes a lock that the interrupted code may hold. */
    struct rv_worker *w = &runtime->workers[0];
    rv_inbox_push(&w->inbox, &state.message.node);
    rv_store_relaxed(&w->is_wanted, 1u);
    runtime->poller->wake(w);
}

static void on_interrupt(int sig)
{
    /* order: seq_cst X2. Announced before the look; pairs with rv_interrupt_end. */
    rv_fetch_add_seq_cst(&state.visitors, 1u);
    /* order: seq_cst X2. As above. */
    struct rove_runtime *runtime = rv_load_seq_cst(&state.runtime);
    if (runtime != NULL && !rv_fork_is_dead(runtime)) {
        send_once(runtime);
    } else {
        (void)rv_os_tgkill(rv_os_gettid(), sig); /* its default action, when the handler returns */
    }
    /* order: release X3. Our use of the runtime; pairs with rv_interrupt_end. */
    rv_fetch_sub_release(&state.visitors, 1u);
}

static void set_main(struct rv_task *main)
{
    rv_lock_acquire(&state.lock);
    state.main = main;
    rv_lock_release(&state.lock);
}

bool rv_interrupt_begin(struct rove_runtime *runtime)
{
    if (!rv_os_catch_interrupt(on_interrupt)) {
        return false;
    }
    state.message.receive = receive;
    state.is_over = false; /* nobody else looks before there is a main */
    rv_store_relaxed(&state.is_sent, 0u);
    /* order: release X2. The message before who is sent it; pairs with on_interrupt. */
    rv_store_release(&state.runtime, runtime);
    return true;
}

void rv_interrupt_aim(rove_task *main)
{
    if (main == NULL) {
        return;
    }
    set_main(rv_task_of(main));
    if (rv_load_relaxed(&state.is_sent) != 0) {
        cancel_once();
    }
}

/* Main ended cancelled. If somebody else asked for that too, it is not for SIGINT that it did. */
static bool is_by_interrupt(void)
{
    return rv_load_relaxed(&state.is_sent) != 0 &&
           rv_state_uncancel(&state.main->future.state) == 0;
}

int rv_interrupt_end(int rc)
{
    /* order: seq_cst X2. No runtime before the look at who uses it; pairs with on_interrupt. */
    rv_store_seq_cst(&state.runtime, NULL);
    rv_os_release_interrupt();
    /* order: seq_cst X3. Acquires their last use; the look of X2; pairs with on_interrupt. */
    while (rv_load_seq_cst(&state.visitors) != 0) {
        rv_os_sched_yield();
    }
    rc = rc == -ECANCELED && is_by_interrupt() ? -EINTR : rc;
    set_main(NULL); /* a message may still be on its way */
    return rc;
}

void rv_interrupt_give_up(void)
{
    rv_os_release_interrupt();
}

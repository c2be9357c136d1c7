// SPDX-License-Identifier: MIT
/*
 * Purpose: models of sched/interrupt.c: a SIGINT whose handler runs while rove_run begins or ends.
 *
 * Idea: a handler is a call on a thread that has found it installed, which may then be as late as
 * it likes; the kernel orders nothing else. The runtime is freed as soon as the run has ended, so a
 * handler that still uses it is found. A worker is who takes what is in the inbox.
 *
 * Threads: 1 begins, waits for its end and ends; 2 has the signal; 3 is the worker.
 */
#include "double.h"

#include "core/os.h"
#include "sched/interrupt.h"
#include "sched/poller.h"
#include "sched/suspend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static RV_ATOMIC(uintptr_t) installed;
static RV_ATOMIC(uint32_t) killed; /* by the default action */
static struct rove_runtime *of;

bool rv_os_catch_interrupt(void (*handler)(int sig))
{
    /* order: release X2. What is delivered comes after what has been installed. */
    rv_store_release(&installed, (uintptr_t)handler);
    return true;
}

void rv_os_release_interrupt(void)
{
    rv_store_relaxed(&installed, (uintptr_t)0);
}

int rv_os_tgkill(pid_t tid, int sig)
{
    (void)tid;
    (void)sig;
    rv_store_relaxed(&killed, 1u);
    return 0;
}

static void wake(struct rv_worker *w)
{
    (void)w;
    rv_model_unblock(3);
}

static const struct rv_poller_ops poller = {.name = "model", .wake = wake};

static void prepare(unsigned tasks)
{
    rv_double_begin(tasks);
    rv_store_relaxed(&installed, (uintptr_t)0);
    rv_store_relaxed(&killed, 0u);
    of = malloc(sizeof *of + sizeof of->workers[0]);
    rv_model_fill(of, 0, sizeof *of + sizeof of->workers[0]);
    of->workers = (struct rv_worker *)(of + 1);
    of->poller = &poller;
    of->fork_count = rv_double_runtime()->fork_count;
}

static void setup(void)
{
    prepare(1);
}

static void finish(void)
{
    rv_double_end();
}

static void begin_and_end(void)
{
    RV_MODEL_CHECK(rv_interrupt_begin(of), "SIGINT is nobody's");
    RV_MODEL_CHECK(rv_interrupt_end(0) == 0, "main was not cancelled");
    free(of);
}

static bool deliver(void)
{
    /* order: acquire X2. As above. */
    uintptr_t handler = rv_load_acquire(&installed);
    if (handler != 0) {
        ((void (*)(int))handler)(SIGINT);
    }
    return handler != 0;
}

static void deliver_once(void)
{
    (void)deliver();
}

/* Two runs: a handler that belongs to neither uses no runtime. */
static void begin_and_end_twice(void)
{
    RV_MODEL_CHECK(rv_interrupt_begin(of), "SIGINT is nobody's");
    (void)rv_interrupt_end(0);
    (void)rv_inbox_take_all(&of->workers[0].inbox); /* as the first one's stop */
    RV_MODEL_CHECK(rv_interrupt_begin(of), "SIGINT is nobody's");
    (void)rv_interrupt_end(0);
    free(of);
}

static void setup_run(void)
{
    prepare(3);
}

static void run_until_cancelled(void)
{
    struct rv_task *self = rv_double_task(1);
    RV_MODEL_CHECK(rv_interrupt_begin(of), "SIGINT is nobody's");
    rv_interrupt_aim(&self->future);
    bool is_cancelled = false;
    while (!is_cancelled && rv_load_relaxed(&killed) == 0) {
        is_cancelled = rv_take_cancel(self);
        rv_cpu_relax();
    }
    int rc = rv_interrupt_end(is_cancelled ? -ECANCELED : 0);
    RV_MODEL_CHECK(rc == (is_cancelled ? -EINTR : 0), "it says why");
}

static void deliver_when_caught(void)
{
    while (!deliver()) {
        rv_cpu_relax();
    }
}

static void receive(void)
{
    struct rv_worker *w = &of->workers[0];
    rv_model_block(true);
    struct rv_inbox_node *node = rv_inbox_take_all(&w->inbox);
    RV_MODEL_CHECK(node != NULL && node->next == NULL, "one message, before the wake");
    struct rv_message *message = rv_container_of(node, struct rv_message, node);
    message->receive(w, message);
}

static void finish_run(void)
{
    free(of);
    finish();
}

static const struct rv_model models[] = {
    {"interrupt/end", setup, {begin_and_end, deliver_once}, finish, 0},
    {"interrupt/again", setup, {begin_and_end_twice, deliver_once}, finish, 0},
    {"interrupt/cancel", setup_run, {run_until_cancelled, deliver_when_caught, receive}, finish_run,
     0},
};

const struct rv_model_list rv_models_interrupt = {models, sizeof models / sizeof models[0]};

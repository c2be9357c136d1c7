// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/sim_look.h: each kind of work that nobody will run is found and named; a sound
 *          machine is left in peace.
 * Idea:    the detector of lost wake-ups must not be blind: the test makes each state it looks for,
 *          on a runtime that stands still, and expects the run to be cut short for it.
 */
#include "sched/sim_look.h"

#include "machine.h"
#include "support/still.h"

#include <errno.h>

static struct rv_still still;
static struct rv_task tasks[24];

enum sight {
    NOTHING,
    PRIVATE_TASK,
    PUBLIC_TASK,
    PARENT,
    OVERFLOWN,
    PINNED,
    MESSAGE,
    INJECTED,
    COMPUTES_ALONE,    /* before a queue, while nobody sleeps: no fault */
    COMPUTES_PRIVATELY, /* its private task only: a rescuer's affair */
    COMPUTES_BEFORE_SLEEPERS,
    LOST,
    LOST_BUT_WORKING, /* somebody computes: its task is active by right */
};

/* Looks with the worker's thread word set, as when its thread stands still. */
static void look_at(bool is_working, struct rv_worker *w)
{
    rv_current_set_worker(w);
    rv_sim_look_around(is_working);
    rv_current_set_worker(NULL);
}

static void lose_a_task(void)
{
    struct rv_task *t = rv_block_alloc_remote(still.runtime.blocks);
    t->id = 4711;
    rv_state_init(&t->future.state, 1);
}

static void show(void *ctx)
{
    const enum sight sight = *(const enum sight *)ctx;
    struct rv_message message;
    RV_SEE(rv_still_init(&still, 2) == 0);
    struct rv_worker *w = &still.workers[0];
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        rv_still_task(&still, &tasks[i], 0);
    bool is_computing = sight == COMPUTES_ALONE || sight == COMPUTES_PRIVATELY ||
                        sight == COMPUTES_BEFORE_SLEEPERS;
    if (is_computing)
        rv_store_relaxed(&w->current, &tasks[9]);
    if (sight == PRIVATE_TASK || sight == COMPUTES_PRIVATELY)
        RV_SEE(rv_runq_push_private(&w->runq, &tasks[0]));
    if (sight == PUBLIC_TASK || sight == COMPUTES_ALONE || sight == COMPUTES_BEFORE_SLEEPERS)
        RV_SEE(rv_runq_push(&w->runq, &tasks[0]));
    if (sight == PARENT)
        RV_SEE(rv_deque_push(&w->conts, &tasks[0]) == 0);
    if (sight == OVERFLOWN)
        RV_SEE(rv_backlog_push(&w->overflow, &tasks[0]) == 0);
    if (sight == PINNED)
        rv_fifo_push(&w->pinned, &tasks[0].queue_link);
    if (sight == MESSAGE)
        (void)rv_inbox_push(&w->inbox, &message.node);
    if (sight == INJECTED)
        rv_store_relaxed(&still.runtime.injected_count, 1u);
    if (sight == COMPUTES_BEFORE_SLEEPERS || sight == COMPUTES_PRIVATELY)
        rv_idle_announce(&still.workers[1]);
    if (sight == LOST || sight == LOST_BUT_WORKING)
        lose_a_task();
    look_at(is_computing || sight == LOST_BUT_WORKING, w);
}

/* Goal: every fault ends the run, with a sentence that names it; what is none does not. */
static void test_sim_look_finds_each_fault(void **state)
{
    static const struct {
        enum sight sight;
        const char *text; /* NULL: all is well */
    } rows[] = {
        {NOTHING, NULL},
        {PRIVATE_TASK, "worker 0 sleeps, its queues are not empty"},
        {PUBLIC_TASK, "worker 0 sleeps, its queues are not empty"},
        {PARENT, "worker 0 sleeps, its queues are not empty"},
        {OVERFLOWN, "worker 0 sleeps, its queues are not empty"},
        {PINNED, "worker 0 sleeps, its queues are not empty"},
        {MESSAGE, "worker 0 sleeps, its queues are not empty"},
        {INJECTED, "worker 0 sleeps, a task is injected"},
        {COMPUTES_ALONE, NULL},
        {COMPUTES_PRIVATELY, NULL},
        {COMPUTES_BEFORE_SLEEPERS, "worker 0 computes before a queue, 1 others sleep"},
        {LOST, "lost task: 4711 is active"},
        {LOST_BUT_WORKING, NULL},
    };
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(rows); i++) {
        enum sight sight = rows[i].sight;
        struct rv_sim_outcome outcome = rv_machine_try(i, false, show, &sight);
        assert_int_equal(outcome.error, rows[i].text == NULL ? 0 : -EPROTO);
        if (rows[i].text != NULL && strstr(outcome.text, rows[i].text) == NULL)
            fail_msg("sight %d: %s", (int)sight, outcome.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_look_finds_each_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

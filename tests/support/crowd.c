// SPDX-License-Identifier: MIT
/*
 * Purpose: see crowd.h.
 */
#include "support/crowd.h"

#include "core/check.h"
#include "core/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

unsigned long rv_crowd_seed(void)
{
    static RV_ATOMIC(unsigned long) seed;
    if (rv_load_relaxed(&seed) == 0) {
        const char *wish = getenv("RV_TEST_SEED");
        unsigned long value = wish != NULL ? strtoul(wish, NULL, 0) : 0;
        if (value == 0) {
            rv_os_random(&value, sizeof value);
        }
        rv_store_relaxed(&seed, value);
        fprintf(stderr, "RV_TEST_SEED=%lu\n", value);
    }
    return rv_load_relaxed(&seed);
}

unsigned rv_crowd_factor(void)
{
    const char *wish = getenv("RV_TEST_FACTOR");
    unsigned long factor = wish != NULL ? strtoul(wish, NULL, 0) : 1;
    return factor > 0 && factor < 100000 ? (unsigned)factor : 1;
}

/* A long run cancels a member more often than a task can count. The last request is not withdrawn:
 * that would take back what is not delivered yet. */
static void forget_cancels(void)
{
    enum { MANY = 1000 };
    rove_task *self = rove_current_task();
    if (self != NULL && rove_cancelling(self) > MANY) {
        while (rove_uncancel(self) > 1) {
        }
    }
}

static void repeat(struct rv_member *m)
{
    (void)rv_fetch_add_relaxed(&m->crowd->started, 1u);
    while (m->crowd->step(m)) {
        forget_cancels();
    }
    /* order: release T1. The member's counts; pairs with rv_crowd_is_finished. */
    (void)rv_fetch_add_release(&m->crowd->finished, 1u);
}

static int member_task(void *arg, RV_UNUSED void **result)
{
    repeat(arg);
    return 0;
}

static void *member_thread(void *arg)
{
    repeat(arg);
    return NULL;
}

void rv_crowd_start(struct rv_crowd *c, unsigned tasks, unsigned threads, rv_crowd_step *step,
                    void *ctx)
{
    *c = (struct rv_crowd){.tasks = tasks, .threads = threads, .step = step};
    c->members = calloc(tasks + threads, sizeof *c->members);
    RV_CHECK(c->members != NULL, "a test has memory");
    for (unsigned i = 0; i < tasks + threads; i++) {
        struct rv_member *m = &c->members[i];
        *m = (struct rv_member){.crowd = c, .ctx = ctx, .idx = i, .is_task = i < tasks};
        rv_rand_seed(&m->rand, rv_crowd_seed() + i);
    }
    for (unsigned i = 0; i < tasks + threads; i++) {
        struct rv_member *m = &c->members[i];
        if (m->is_task) {
            m->task = rove_create_task(member_task, m);
            RV_CHECK(m->task != NULL, "a test has memory");
        } else {
            int rc = pthread_create(&m->thread, NULL, member_thread, m);
            RV_CHECK(rc == 0, "a test can start a thread");
        }
    }
}

bool rv_crowd_is_finished(struct rv_crowd *c)
{
    /* order: acquire T1. The members' counts; pairs with repeat. */
    return rv_load_acquire(&c->finished) == c->tasks + c->threads;
}

void rv_crowd_harass(struct rv_crowd *c, struct rv_rand *rand)
{
    bool has_started = rv_load_relaxed(&c->started) == c->tasks + c->threads;
    if (c->tasks > 0 && has_started) {
        (void)rove_cancel(c->members[rv_rand_below(rand, c->tasks)].task);
    }
    (void)rove_yield();
}

unsigned long rv_crowd_finish(struct rv_crowd *c, struct rv_rand *rand)
{
    unsigned long sum = 0;
    while (!rv_crowd_is_finished(c)) {
        rv_crowd_harass(c, rand);
    }
    for (unsigned i = 0; i < c->tasks + c->threads; i++) {
        struct rv_member *m = &c->members[i];
        if (m->is_task) {
            (void)rove_join(m->task, NULL); /* -ECANCELED if cancelled at its very end */
        } else {
            (void)pthread_join(m->thread, NULL);
        }
        sum += m->done;
    }
    free(c->members);
    c->members = NULL;
    return sum;
}

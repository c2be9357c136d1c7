// SPDX-License-Identifier: MIT
/*
 * Purpose: a grant and a deadline meet, for tasks and for plain threads in every mixture: whoever
 *          wins, the grant is used exactly once.
 * Idea:    each round has an object with nothing to be had, one party that waits for a moment only
 *          and one that waits for ever, behind it. The test's task grants once, at about the time
 *          at which the moment ends. Who waits for a moment and gets its turn gives it on, so the
 *          other one's turn comes in any case: it would hang if a grant were lost, and something is
 *          left over if one is used twice. RV_TEST_FACTOR=2000 makes it a million rounds a kind.
 * Threads: either party is a task or a plain thread; the granter is a task.
 */
#include "sched/timed_kinds.h"

#include "core/os.h"

#include <errno.h>
#include <sys/prctl.h>

enum {
    BATCH = RV_TSAN || RV_ASAN ? 10 : 31,
    MOMENT_NS = 4000, /* at most; arbitrary */
    SKEW = 100,       /* rounds of rv_cpu_relax, at most; arbitrary */
    SPINS = 64        /* before the processor is offered to others; arbitrary */
};

struct batch {
    const struct kind *kind;
    struct entry entries[BATCH];
    RV_ATOMIC(size_t) first_at; /* the rounds that the first has begun */
};


/* Until the first has begun round i, and a little more. */
static void come_close(struct batch *b, size_t i, bool is_task, struct rv_rand *rand)
{
    for (unsigned spins = 1; rv_load_relaxed(&b->first_at) <= i; spins++) {
        if (is_task)
            (void)rove_yield();
        else if (spins % SPINS == 0)
            rv_os_sched_yield();
        else
            rv_cpu_relax();
    }
    for (unsigned n = rv_rand_below(rand, SKEW); n > 0; n--)
        rv_cpu_relax();
}

static int take(struct party *p, struct entry *e)
{
    const struct kind *kind = ((struct batch *)p->batch)->kind;
    p->timeout = p->idx == 0 ? 1 + rv_rand_below(&p->rand, MOMENT_NS) : ROVE_FOREVER;
    if (!p->is_task || p->idx != 0)
        return kind->take(p, e);
    rove_timeout timeout;
    rove_timeout_enter(&timeout, p->timeout);
    return rove_timeout_exit(&timeout, kind->take(p, e));
}

static void be_party(struct party *p)
{
    struct batch *b = p->batch;
    for (size_t i = 0; i < BATCH; i++) {
        struct entry *e = &b->entries[i];
        if (p->idx == 0)
            rv_store_relaxed(&b->first_at, i + 1);
        else
            come_close(b, i, p->is_task, &p->rand);
        e->rcs[p->idx] = take(p, e);
        if (p->idx == 0 && e->rcs[0] == 0) {
            p->timeout = ROVE_FOREVER;
            b->kind->give(p, e);
        }
    }
}

static int party_task(void *arg, RV_UNUSED void **result)
{
    be_party(arg);
    return 0;
}

static void *party_thread(void *arg)
{
    (void)prctl(PR_SET_TIMERSLACK, 1ul); /* else a moment lasts 50 us */
    be_party(arg);
    rove_event_set(&((struct party *)arg)->is_over);
    return NULL;
}

/* The round is over. True: the first had its turn in time. */
static bool settle(const struct kind *kind, struct entry *e)
{
    bool is_first = e->rcs[0] == 0, is_second = e->rcs[1] == 0;
    bool is_told = kind->is_for_one && e->rcs[0] == -EPIPE;
    if (!is_first && !is_told && !RV_EXPECT_EQ(e->rcs[0], -ETIMEDOUT))
        print_message("waiting for: %s\n", kind->name);
    if (kind->is_for_one) {
        RV_EXPECT(is_first != is_second);
        RV_EXPECT(is_second || e->rcs[1] == -EPIPE);
    } else {
        RV_EXPECT(is_second);
    }
    kind->end(e);
    return is_first;
}

static int run_batch(const struct kind *kind, bool first_is_task, bool second_is_task,
                     unsigned long won[2])
{
    static struct batch b;
    struct party parties[2] = {{.is_task = first_is_task}, {.is_task = second_is_task}};
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed() + won[0]);
    b = (struct batch){.kind = kind};
    for (size_t i = 0; i < BATCH; i++)
        kind->begin(&b.entries[i]);
    for (unsigned i = 0; i < RV_ARRAY_LEN(parties); i++) {
        struct party *p = &parties[i];
        p->batch = &b;
        p->idx = i;
        rv_rand_seed(&p->rand, rv_crowd_seed() + won[1] + i + 1);
        if (p->is_task)
            RV_REQUIRE((p->task = rove_create_task(party_task, p)) != NULL);
        else
            RV_REQUIRE_EQ(pthread_create(&p->thread, NULL, party_thread, p), 0);
    }
    for (size_t i = 0; i < BATCH; i++) {
        come_close(&b, i, true, &rand);
        kind->give(NULL, &b.entries[i]);
    }
    for (unsigned i = 0; i < RV_ARRAY_LEN(parties); i++) {
        struct party *p = &parties[i];
        RV_EXPECT_EQ(p->is_task ? 0 : rove_event_wait(&p->is_over), 0);
        RV_EXPECT_EQ(p->is_task ? rove_join(p->task, NULL) : pthread_join(p->thread, NULL), 0);
    }
    for (size_t i = 0; i < BATCH; i++)
        won[settle(kind, &b.entries[i]) ? 0 : 1]++;
    return 0;
}

/* Goal: for each kind and each mixture of tasks and threads, no grant is lost or used twice. */
RV_TASK_TEST(test_grant_that_meets_a_deadline_is_used_once)
{
    for (size_t k = 0; k < rv_timed_kind_count; k++) {
        const struct kind *kind = &rv_timed_kinds[k];
        unsigned long won[2] = {0, 0};
        for (unsigned n = 0; n < 4 * rv_crowd_factor(); n++)
            RV_REQUIRE_EQ(run_batch(kind, (n & 1) == 0, (n & 2) == 0, won), 0);
        if (rv_crowd_factor() > 1)
            print_message("%-24s first %lu, too late %lu\n", kind->name, won[0], won[1]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_that_meets_a_deadline_is_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

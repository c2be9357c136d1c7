// SPDX-License-Identifier: MIT
/*
 * Purpose: a grant and a cancellation meet, for every way to wait for one's turn: whoever wins, the
 *          grant is used exactly once. It is the first waiter's, or it goes on to the second.
 * Idea:    each entry of a list has an object that is taken, and two tasks that wait for it, in
 *          this order. A plain thread cancels the first of each entry while a task grants. Dice say
 *          for each entry whether one of the two leads or both meet there. A grant that is lost
 *          leaves the second waiting for ever; one that is used twice lets both through.
 *          RV_TEST_FACTOR=1000 makes it a million rounds of each kind.
 * Threads: the canceller's own thread; it is told of a list by `go`, and tells by `through`.
 */
#include "sched/grant_kinds.h"
#include "support/crowd.h"

#include "core/os.h"
#include "sched/future.h"

#include <semaphore.h>

enum {
    BATCH = RV_TSAN || RV_ASAN ? 50 : 250,
    LEASH = 4,
    SKEW = 60,  /* rounds of rv_cpu_relax, at most: where a pause is long, 3 us */
    SPINS = 64  /* before the processor is offered to others; arbitrary */
};

struct race {
    struct entry entries[BATCH];
    enum { NOBODY, GRANTER, CANCELLER, SIDES } leader[BATCH];
    RV_ATOMIC(size_t) granter_at, canceller_at;
    struct rv_rand rand, canceller_rand;
    sem_t go;
    rove_event through;
    RV_ATOMIC(bool) is_over;
    pthread_t thread;
    unsigned long first_won, second_won; /* how the meetings went */
};

static const struct kind *current; /* of the batch; set before its tasks are created */

static int run_taker(void *arg, RV_UNUSED void **result)
{
    struct taker *t = arg;
    t->value = RV_GRANT_SENT;
    t->rc = current->take(t);
    return 0;
}

/* Until the other side is there too, or close if this one leads; then a little more, or not. */
static void come_close(RV_ATOMIC(size_t) *other, size_t i, bool leads, struct rv_rand *rand)
{
    for (unsigned spins = 0; rv_load_relaxed(other) + (leads ? LEASH : 0) < i; spins++) {
        if (spins % SPINS == SPINS - 1)
            rv_os_sched_yield();
        else
            rv_cpu_relax();
    }
    for (unsigned n = rv_rand_below(rand, SKEW); n > 0; n--)
        rv_cpu_relax();
}

static void *cancel_all(void *arg)
{
    struct race *r = arg;
    for (;;) {
        while (sem_wait(&r->go) != 0) {
        }
        if (rv_load_relaxed(&r->is_over))
            return NULL;
        for (size_t i = 0; i < BATCH; i++) {
            come_close(&r->granter_at, i, r->leader[i] == CANCELLER, &r->canceller_rand);
            (void)rove_cancel(r->entries[i].takers[0].task);
            rv_store_relaxed(&r->canceller_at, i + 1);
        }
        rove_event_set(&r->through);
    }
}

static bool is_parked(rove_task *t)
{
    return rv_state_phase(rv_load_relaxed(&t->state)) == RV_PHASE_PARKED;
}

/* All the first, or all the second, and until they wait. */
static void line_up(struct race *r, unsigned which)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct taker *t = &r->entries[i].takers[which];
        *t = (struct taker){.e = &r->entries[i], .number = which + 1};
        t->task = rove_create_task(run_taker, t);
    }
    for (size_t i = 0; i < BATCH; i++) {
        while (!is_parked(r->entries[i].takers[which].task))
            (void)rove_yield();
    }
}

/* The race is over: who went through? */
static void settle(struct race *r, struct entry *e)
{
    struct taker *first = &e->takers[0], *second = &e->takers[1];
    (void)rove_join(first->task, NULL);
    bool is_first = first->rc == 0;
    RV_EXPECT(is_first || first->rc == -ECANCELED);
    if (current->settled != NULL)
        current->settled(e, is_first);
    if (is_first && !current->is_for_all)
        (void)rove_cancel(second->task); /* it had no turn and would wait for ever */
    (void)rove_join(second->task, NULL);
    bool is_second = second->rc == 0;
    if (current->is_for_all)
        RV_EXPECT(is_second);
    else
        RV_EXPECT(is_first != is_second);
    RV_EXPECT(!is_first || first->value == RV_GRANT_SENT);
    RV_EXPECT(!is_second || second->value == RV_GRANT_SENT);
    if (current->landed != NULL)
        RV_EXPECT_EQ(current->landed(e), is_first ? RV_GRANT_FIRST : RV_GRANT_SECOND);
    if (current->end != NULL)
        current->end(e);
    *(is_first ? &r->first_won : &r->second_won) += 1;
}

static void run_batch(struct race *r)
{
    for (size_t i = 0; i < BATCH; i++) {
        r->entries[i] = (struct entry){0};
        current->begin(&r->entries[i]);
        r->leader[i] = rv_rand_below(&r->rand, SIDES);
    }
    line_up(r, 0);
    line_up(r, 1);
    rv_store_relaxed(&r->granter_at, 0);
    rv_store_relaxed(&r->canceller_at, 0);
    sem_post(&r->go);
    for (size_t i = 0; i < BATCH; i++) {
        come_close(&r->canceller_at, i, r->leader[i] == GRANTER, &r->rand);
        current->grant(&r->entries[i]);
        rv_store_relaxed(&r->granter_at, i + 1);
    }
    RV_EXPECT_EQ(rove_event_wait(&r->through), 0);
    rove_event_clear(&r->through);
    for (size_t i = 0; i < BATCH; i++)
        settle(r, &r->entries[i]);
}

/* Goal: for each kind, no grant is lost and none is used twice, whatever meets it. */
RV_TASK_TEST(test_grant_that_meets_a_cancellation_is_used_once)
{
    static struct race r;
    r = (struct race){0};
    rv_rand_seed(&r.rand, rv_crowd_seed());
    rv_rand_seed(&r.canceller_rand, rv_crowd_seed() + 1);
    sem_init(&r.go, 0, 0);
    RV_REQUIRE_EQ(pthread_create(&r.thread, NULL, cancel_all, &r), 0);
    for (size_t k = 0; k < rv_grant_kind_count; k++) {
        current = &rv_grant_kinds[k];
        r.first_won = r.second_won = 0;
        for (unsigned n = rv_crowd_factor(); n > 0; n--)
            run_batch(&r);
        if (rv_crowd_factor() > 1)
            print_message("%-24s first %lu, second %lu\n", current->name, r.first_won,
                          r.second_won);
    }
    rv_store_relaxed(&r.is_over, true);
    sem_post(&r.go);
    pthread_join(r.thread, NULL);
    sem_destroy(&r.go);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_that_meets_a_cancellation_is_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

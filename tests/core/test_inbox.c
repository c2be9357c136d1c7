// SPDX-License-Identifier: MIT
/*
 * Purpose: core/inbox.c: order, the was-empty answer, many producers.
 */
#include "core/inbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/check.h"

#define PRODUCERS 3
#define PER_PRODUCER 100000

struct letter {
    struct rv_inbox_node node;
    uint32_t producer;
    uint32_t number;
};

/* Goal: nodes come out in push order; only the first push on an empty queue says so. */
static void test_inbox_take_all_returns_push_order(void **state)
{
    struct rv_inbox q;
    struct letter letters[5];

    (void)state;
    rv_inbox_init(&q);
    for (int round = 0; round < 3; round++) {
        struct rv_inbox_node *node;

        assert_true(rv_inbox_is_empty(&q));
        assert_null(rv_inbox_take_all(&q));
        for (uint32_t i = 0; i < 5; i++) {
            letters[i].number = i;
            assert_int_equal(rv_inbox_push(&q, &letters[i].node), i == 0);
            rv_inbox_check(&q);
        }
        assert_false(rv_inbox_is_empty(&q));
        node = rv_inbox_take_all(&q);
        for (uint32_t i = 0; i < 5; i++, node = node->next)
            assert_ptr_equal(node, &letters[i].node);
        assert_null(node);
    }
}

struct post {
    struct rv_inbox q;
    RV_ATOMIC(uint32_t) next_producer;
    pthread_barrier_t gate;    /* all leave it together, so that they do meet */
    RV_ATOMIC(uint32_t) wakes; /* pushes that found the queue empty */
    struct letter letters[PRODUCERS][PER_PRODUCER];
};

static void *produce(void *arg)
{
    struct post *post = arg;
    uint32_t me = rv_fetch_add_relaxed(&post->next_producer, 1u);

    (void)pthread_barrier_wait(&post->gate);
    for (uint32_t i = 0; i < PER_PRODUCER; i++) {
        struct letter *letter = &post->letters[me][i];

        letter->producer = me;
        letter->number = i;
        if (rv_inbox_push(&post->q, &letter->node))
            (void)rv_fetch_add_relaxed(&post->wakes, 1u);
    }
    return NULL;
}

/* Goal: nothing lost, nothing twice, each producer's order kept, and exactly one "was empty" for
 * each non-empty take. */
static void test_inbox_many_producers_lose_nothing(void **state)
{
    struct post *post = calloc(1, sizeof(*post));
    pthread_t threads[PRODUCERS];
    uint32_t next[PRODUCERS] = {0};
    uint32_t taken = 0, takes = 0;

    (void)state;
    assert_non_null(post);
    assert_int_equal(pthread_barrier_init(&post->gate, NULL, PRODUCERS + 1), 0);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, post), 0);
    (void)pthread_barrier_wait(&post->gate);
    while (taken < PRODUCERS * PER_PRODUCER) {
        struct rv_inbox_node *node = rv_inbox_take_all(&post->q);

        takes += node != NULL;
        for (; node != NULL; node = node->next) {
            struct letter *letter = rv_container_of(node, struct letter, node);

            assert_int_equal(letter->number, next[letter->producer]);
            next[letter->producer]++;
            taken++;
        }
    }
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&post->gate), 0);
    assert_null(rv_inbox_take_all(&post->q));
    assert_int_equal(takes, rv_load_relaxed(&post->wakes));
    free(post);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inbox_take_all_returns_push_order),
        cmocka_unit_test(test_inbox_many_producers_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

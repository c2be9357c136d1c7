// SPDX-License-Identifier: MIT
/*
 * Purpose: core/heap.c: against a sorted model, with equal keys, growth and shrinking.
 */
#include "core/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/rand.h"

#define NODES 300

struct model {
    struct rv_heap heap;
    struct rv_heap_node nodes[NODES];
    int64_t keys[NODES];
    uint64_t order[NODES]; /* when the node was pushed or updated last */
    uint64_t clock;
    int count;
};

/* The model's answer: smallest key, oldest among equals; -1 when empty. */
static int model_min(const struct model *m)
{
    int best = -1;

    for (int i = 0; i < NODES; i++) {
        if (m->nodes[i].slot == RV_HEAP_NONE)
            continue;
        if (best < 0 || m->keys[i] < m->keys[best] ||
            (m->keys[i] == m->keys[best] && m->order[i] < m->order[best]))
            best = i;
    }
    return best;
}

static void model_pop(struct model *m)
{
    int want = model_min(m);
    struct rv_heap_node *node;

    assert_true(rv_heap_min_key(&m->heap) == (want < 0 ? INT64_MAX : m->keys[want]));
    node = rv_heap_pop(&m->heap);
    assert_ptr_equal(node, want < 0 ? NULL : &m->nodes[want]);
    if (node != NULL) {
        assert_int_equal(node->slot, RV_HEAP_NONE);
        m->count--;
    }
}

static void model_step(struct model *m, struct rv_rand *r)
{
    int i = (int)rv_rand_below(r, NODES);
    /* Few different keys, so that ties are common. */
    int64_t key = (int64_t)rv_rand_below(r, 40) - 20;

    if (m->nodes[i].slot == RV_HEAP_NONE) {
        assert_int_equal(rv_heap_push(&m->heap, &m->nodes[i], key), 0);
        m->keys[i] = key;
        m->order[i] = m->clock++;
        m->count++;
    } else if (rv_rand_below(r, 3) == 0) {
        rv_heap_remove(&m->heap, &m->nodes[i]);
        assert_int_equal(m->nodes[i].slot, RV_HEAP_NONE);
        m->count--;
    } else {
        rv_heap_update(&m->heap, &m->nodes[i], key);
        m->keys[i] = key;
        m->order[i] = m->clock++;
    }
    if (rv_rand_below(r, 4) == 0)
        model_pop(m);
}

/* Goal: whatever the order of operations, the heap answers as a sorted list would. */
static void test_heap_random_operations_match_a_sorted_model(void **state)
{
    struct model *m = calloc(1, sizeof(*m));
    uint64_t seed = (uint64_t)time(NULL);
    struct rv_rand r;

    (void)state;
    assert_non_null(m);
    print_message("seed %llu\n", (unsigned long long)seed);
    rv_rand_seed(&r, seed);
    rv_heap_init(&m->heap);
    for (int i = 0; i < NODES; i++)
        rv_heap_node_init(&m->nodes[i]);
    for (int step = 0; step < 20000; step++) {
        model_step(m, &r);
        rv_heap_check(&m->heap);
        assert_int_equal(rv_heap_count(&m->heap), m->count);
    }
    while (m->count > 0)
        model_pop(m);
    model_pop(m);
    rv_heap_fini(&m->heap);
    free(m);
}

/* Goal: equal keys leave in the order they came, through growth and mixed with others. */
static void test_heap_equal_keys_are_first_in_first_out(void **state)
{
    struct rv_heap h;
    struct rv_heap_node *nodes = calloc(2000, sizeof(*nodes));

    (void)state;
    assert_non_null(nodes);
    rv_heap_init(&h);
    for (int i = 0; i < 2000; i++) {
        rv_heap_node_init(&nodes[i]);
        assert_int_equal(rv_heap_push(&h, &nodes[i], i % 2), 0);
    }
    for (int i = 0; i < 2000; i += 2)
        assert_ptr_equal(rv_heap_pop(&h), &nodes[i]);
    for (int i = 1; i < 2000; i += 2)
        assert_ptr_equal(rv_heap_pop(&h), &nodes[i]);
    rv_heap_fini(&h);
    free(nodes);
}

/* Goal: the array follows the count up and down, and does not swing at a border. */
static void test_heap_array_grows_and_shrinks_with_hysteresis(void **state)
{
    enum { N = 10000 };
    struct rv_heap h;
    struct rv_heap_node *nodes = calloc(N, sizeof(*nodes));
    uint32_t peak, low;

    (void)state;
    assert_non_null(nodes);
    rv_heap_init(&h);
    assert_true(rv_heap_min_key(&h) == INT64_MAX);
    assert_null(rv_heap_pop(&h));
    for (int i = 0; i < N; i++) {
        rv_heap_node_init(&nodes[i]);
        assert_int_equal(rv_heap_push(&h, &nodes[i], N - i), 0);
    }
    peak = h.capacity;
    assert_true(peak >= N && peak < 4 * N);
    for (int i = 0; i < N - 10; i++)
        assert_ptr_equal(rv_heap_pop(&h), &nodes[N - 1 - i]);
    rv_heap_check(&h);
    low = h.capacity;
    assert_true(low < 100);
    /* Around the point of the last shrink: one push and pop moves no memory. */
    for (int i = 0; i < 100; i++) {
        rv_heap_node_init(&nodes[N - 1]);
        assert_int_equal(rv_heap_push(&h, &nodes[N - 1], 0), 0);
        assert_ptr_equal(rv_heap_pop(&h), &nodes[N - 1]);
        assert_int_equal(h.capacity, low);
    }
    rv_heap_fini(&h);
    rv_heap_fini(&h);
    free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_random_operations_match_a_sorted_model),
        cmocka_unit_test(test_heap_equal_keys_are_first_in_first_out),
        cmocka_unit_test(test_heap_array_grows_and_shrinks_with_hysteresis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: core/context.c: arguments, nesting, ends, floating point mode, migration, unwinding.
 */
#include "core/context.h"

#include <execinfo.h>
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STACK_BYTES ((size_t)128 * 1024)

/* One coroutine: its context, its stack, and whom it answers. */
struct routine {
    struct rv_context ctx;
    char *stack;
    struct rv_context *caller;
    int turns;
    double sum;
    struct routine *inner;
};

static struct rv_context main_ctx;

static void routine_make(struct routine *r, rv_context_entry entry)
{
    memset(r, 0, sizeof(*r));
    r->stack = aligned_alloc(64, STACK_BYTES);
    assert_non_null(r->stack);
    rv_context_make(&r->ctx, r->stack, r->stack + STACK_BYTES, entry);
}

static void routine_fini(struct routine *r)
{
    rv_context_fini(&r->ctx);
    free(r->stack);
}

static int setup(void **state)
{
    (void)state;
    rv_context_init_thread(&main_ctx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rv_context_fini(&main_ctx);
    return 0;
}

/* Adds one to what it is sent and sends it back; ends on zero. */
static void echo_entry(void *arg, struct rv_context *from)
{
    struct routine *r = rv_container_of(*(struct rv_context **)arg, struct routine, ctx);
    void *got = rv_context_switch(&r->ctx, from, r);

    while (got != NULL) {
        r->turns++;
        got = rv_context_switch(&r->ctx, from, (char *)got + 1);
    }
    rv_context_exit_switch(&r->ctx, from, NULL);
}

/* Goal: arguments arrive in both directions, many times. Method: a counter sent to and fro. */
static void test_context_ping_pong_carries_arguments(void **state)
{
    struct routine r;
    struct rv_context *name = &r.ctx;
    static char base[100001]; /* each argument an address in it */

    (void)state;
    routine_make(&r, echo_entry);
    assert_ptr_equal(rv_context_switch(&main_ctx, &r.ctx, &name), &r);
    for (uintptr_t i = 0; i < 100000; i++)
        assert_ptr_equal(rv_context_switch(&main_ctx, &r.ctx, base + i), base + i + 1);
    assert_int_equal(r.turns, 100000);
    assert_null(rv_context_switch(&main_ctx, &r.ctx, NULL));
    routine_fini(&r);
}

static void sp_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    /* The one that left is complete before anything else happens here. */
    r->turns = from->sp != NULL && (char *)from->sp != r->stack;
    rv_context_exit_switch(&r->ctx, from, from->sp);
}

/* Goal: the leaver's stack pointer is stored on arrival. Method: the arriver looks at once. */
static void test_context_switch_stores_stack_pointer_before_entry_runs(void **state)
{
    struct routine r;
    void *sp;

    (void)state;
    main_ctx.sp = NULL;
    routine_make(&r, sp_entry);
    sp = rv_context_switch(&main_ctx, &r.ctx, &r);
    assert_int_equal(r.turns, 1);
    assert_ptr_equal(sp, main_ctx.sp);
    assert_true((char *)r.ctx.sp > r.stack && (char *)r.ctx.sp < r.stack + STACK_BYTES);
    routine_fini(&r);
}

static void inner_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    r->caller = from;
    for (int i = 0; i < 10; i++) {
        r->turns++;
        (void)rv_context_switch(&r->ctx, r->caller, NULL);
    }
    /* Straight to the main context: the middle one is left suspended for ever. */
    rv_context_exit_switch(&r->ctx, &main_ctx, r);
}

static void outer_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    (void)from;
    for (;;) {
        r->turns++;
        (void)rv_context_switch(&r->ctx, &r->inner->ctx, r->inner);
    }
}

/* Goal: contexts switch among themselves, and an end may go elsewhere than to the starter. */
static void test_context_nested_contexts_end_in_a_third(void **state)
{
    struct routine outer, inner;

    (void)state;
    routine_make(&outer, outer_entry);
    routine_make(&inner, inner_entry);
    outer.inner = &inner;
    assert_ptr_equal(rv_context_switch(&main_ctx, &outer.ctx, &outer), &inner);
    assert_int_equal(inner.turns, 10);
    assert_int_equal(outer.turns, 11);
    assert_ptr_equal(inner.caller, &outer.ctx);
    routine_fini(&outer);
    routine_fini(&inner);
}

static void fp_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    assert_int_equal(fesetround(FE_UPWARD), 0);
    (void)rv_context_switch(&r->ctx, from, NULL);
    r->turns = fegetround() == FE_UPWARD;
    rv_context_exit_switch(&r->ctx, from, NULL);
}

/* Goal: rounding mode belongs to the context, values in registers survive. */
static void test_context_switch_keeps_floating_point_mode(void **state)
{
    struct routine r;
    volatile double third = 1.0;
    double before;

    (void)state;
    before = third / 3.0;
    routine_make(&r, fp_entry);
    (void)rv_context_switch(&main_ctx, &r.ctx, &r);
    assert_int_equal(fegetround(), FE_TONEAREST);
    assert_true(before == third / 3.0);
    (void)rv_context_switch(&main_ctx, &r.ctx, NULL);
    assert_int_equal(r.turns, 1);
    assert_int_equal(fegetround(), FE_TONEAREST);
    routine_fini(&r);
}

static void many_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;
    char frame[512];

    memset(frame, r->turns, sizeof(frame));
    for (int i = 0; i < 3; i++) {
        (void)rv_context_switch(&r->ctx, from, NULL);
        for (size_t k = 0; k < sizeof(frame); k++)
            r->sum += frame[k] == (char)r->turns ? 1 : 0;
    }
    rv_context_exit_switch(&r->ctx, from, NULL);
}

/* Goal: a stack can serve one context after another, and frames of many do not mix. */
static void test_context_many_contexts_and_reused_stacks(void **state)
{
    enum { ROUTINES = 50 };
    struct routine *r = calloc(ROUTINES, sizeof(*r));

    (void)state;
    assert_non_null(r);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < ROUTINES; i++) {
            if (round == 0)
                routine_make(&r[i], many_entry);
            else
                rv_context_make(&r[i].ctx, r[i].stack, r[i].stack + STACK_BYTES, many_entry);
            r[i].turns = i + 1;
            r[i].sum = 0;
        }
        for (int turn = 0; turn < 4; turn++)
            for (int i = 0; i < ROUTINES; i++)
                (void)rv_context_switch(&main_ctx, &r[i].ctx, &r[i]);
        for (int i = 0; i < ROUTINES; i++) {
            assert_true(r[i].sum == 3 * 512);
            rv_context_fini(&r[i].ctx);
        }
    }
    for (int i = 0; i < ROUTINES; i++)
        free(r[i].stack);
    free(r);
}

static void migrate_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    while (r->turns < 6) {
        r->turns++;
        from = rv_context_switch(&r->ctx, from, NULL);
    }
    rv_context_exit_switch(&r->ctx, from, NULL);
}

static void *run_one_step(void *arg)
{
    struct routine *r = arg;
    struct rv_context own;

    rv_context_init_thread(&own);
    (void)rv_context_switch(&own, &r->ctx, &own);
    rv_context_fini(&own);
    return NULL;
}

/* Goal: a context goes on on another thread. Method: each step on a new one, joined after it. */
static void test_context_moves_between_threads(void **state)
{
    struct routine r;

    (void)state;
    routine_make(&r, migrate_entry);
    (void)rv_context_switch(&main_ctx, &r.ctx, &r);
    for (int i = 0; i < 6; i++) {
        pthread_t thread;

        assert_int_equal(r.turns, i + 1 > 6 ? 6 : i + 1);
        assert_int_equal(pthread_create(&thread, NULL, run_one_step, &r), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(r.turns, 6);
    routine_fini(&r);
}

static RV_NOINLINE int deep_frames(int depth)
{
    void *pcs[64];
    volatile int frames;

    if (depth > 0) {
        frames = deep_frames(depth - 1);
        return frames;
    }
    return backtrace(pcs, (int)RV_ARRAY_LEN(pcs));
}

static void unwind_entry(void *arg, struct rv_context *from)
{
    struct routine *r = arg;

    r->turns = deep_frames(3);
    rv_context_exit_switch(&r->ctx, from, NULL);
}

/* Goal: unwinding ends at the first frame of the context, cleanly, and does not run on into
 * fcontext's assembly. Method: frames counted: 4 x deep_frames, entry, trampoline. */
static void test_context_backtrace_ends_at_the_first_frame(void **state)
{
    struct routine r;

    (void)state;
    routine_make(&r, unwind_entry);
    (void)rv_context_switch(&main_ctx, &r.ctx, &r);
#if !RV_ASAN && !RV_TSAN
    assert_int_equal(r.turns, 6);
#else
    assert_true(r.turns > 0 && r.turns <= 8);
#endif
    routine_fini(&r);
}

/* Goal: this machine can run us at all: otherwise every other test here would be luck. */
static void test_context_is_supported_here(void **state)
{
    (void)state;
    assert_int_equal(rv_context_is_supported(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_is_supported_here),
        cmocka_unit_test(test_context_ping_pong_carries_arguments),
        cmocka_unit_test(test_context_switch_stores_stack_pointer_before_entry_runs),
        cmocka_unit_test(test_context_nested_contexts_end_in_a_third),
        cmocka_unit_test(test_context_switch_keeps_floating_point_mode),
        cmocka_unit_test(test_context_many_contexts_and_reused_stacks),
        cmocka_unit_test(test_context_moves_between_threads),
        cmocka_unit_test(test_context_backtrace_ends_at_the_first_frame),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

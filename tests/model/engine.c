// SPDX-License-Identifier: MIT
/*
 * Purpose: one execution: threads as coroutines, who goes on, what is an error.
 *
 * Idea: before each access of a shared atomic the running thread asks explore.c who goes on. A
 * thread that spins goes on when another has written, or when nobody else can. The execution is
 * over when all have ended, or wait with good reason; or when one has failed: then the coroutines
 * are left where they stand.
 *
 * Threads: one of the operating system.
 */
#include "engine.h"
#include "rv_model_atomic.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES ((size_t)256 * 1024)
#define STALL_LIMIT 100 /* rounds in which all only spin */

struct rv_engine rv_engine;

static unsigned char *stacks; /* of all threads, mapped once: addresses are the same each time */

unsigned rv_model_self(void)
{
    return rv_engine.current;
}

/* Back to the one who runs executions. */
static RV_NORETURN void end_execution(void)
{
    static struct rv_context nowhere;
    rv_context_switch(&nowhere, &rv_engine.main, NULL);
    __builtin_unreachable();
}

static RV_PRINTF(1, 0) void note_failure(const char *format, va_list args)
{
    if (!rv_engine.is_suspect) {
        vsnprintf(rv_engine.message, sizeof rv_engine.message, format, args);
    }
    rv_engine.is_suspect = true;
}

void rv_engine_confirm(void)
{
    if (rv_engine.is_suspect) {
        rv_engine.has_failed = true;
        end_execution();
    }
}

void rv_engine_suspect(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_failure(format, args);
    va_end(args);
    if (!rv_ahead_is_open()) {
        rv_engine_confirm();
    }
}

/* With something read ahead the thread stands still: the others may yet store that. */
void rv_model_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_failure(format, args);
    va_end(args);
    if (!rv_ahead_is_open()) {
        rv_engine_confirm();
    }
    for (;;) {
        if (rv_engine.current == 0) {
            end_execution();
        }
        rv_engine_thread()->status = RV_THREAD_WAITS;
        rv_engine_thread()->may_stay = true;
        rv_engine_leave();
    }
}

static bool may_run(unsigned i)
{
    const struct rv_model_thread *t = &rv_engine.threads[i];
    return t->status == RV_THREAD_READY ||
           (t->status == RV_THREAD_SPINS &&
            rv_engine.writes - rv_engine.writes_by[i] > t->writes_seen);
}

/* Nobody can go on by itself: time passes, or those who spin look once more. */
static bool stir(void)
{
    bool is_stirred = false;
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        struct rv_model_thread *t = &rv_engine.threads[i];
        if (t->status == RV_THREAD_SPINS) {
            t->status = RV_THREAD_READY;
            is_stirred = true;
        }
    }
    for (unsigned i = 1; i < rv_engine.thread_count && !is_stirred; i++) {
        struct rv_model_thread *t = &rv_engine.threads[i];
        if (t->status == RV_THREAD_WAITS && t->has_timeout) {
            t->is_timed_out = true;
            t->status = RV_THREAD_READY;
            is_stirred = true;
        }
    }
    if (is_stirred && ++rv_engine.stalls > STALL_LIMIT) {
        rv_model_fail("livelock: all that is left spins");
    }
    return is_stirred;
}

static void name_waiting(char *text, size_t bytes)
{
    size_t n = 0;
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        const struct rv_model_thread *t = &rv_engine.threads[i];
        if (t->status == RV_THREAD_WAITS && !t->may_stay && n < bytes) {
            n += (size_t)snprintf(text + n, bytes - n, " %u", i);
        }
    }
}

/* All threads that can go on, the current one first. */
static unsigned list_ready(unsigned ready[RV_MODEL_THREADS])
{
    unsigned n = 0;
    if (may_run(rv_engine.current) && rv_engine.current != 0) {
        ready[n++] = rv_engine.current;
    }
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        if (i != rv_engine.current && may_run(i)) {
            ready[n++] = i;
        }
    }
    return n;
}

static void go_on_with(unsigned next)
{
    struct rv_model_thread *from = rv_engine_thread();
    struct rv_model_thread *to = &rv_engine.threads[next];
    to->status = RV_THREAD_READY;
    if (to != from) {
        struct rv_context *left = rv_engine.current == 0 ? &rv_engine.main : &from->context;
        rv_engine.current = next;
        rv_context_switch(left, &to->context, NULL);
    }
}

/* The present thread waits, spins or has ended; or it is the main one, which begins. */
void rv_engine_leave(void)
{
    unsigned ready[RV_MODEL_THREADS];
    rv_engine_step();
    unsigned n = list_ready(ready);
    if (n == 0 && stir()) {
        n = list_ready(ready);
    }
    if (n > 0) {
        go_on_with(ready[rv_explore_thread(ready, n, true)]);
        return;
    }
    if (rv_ahead_is_open()) {
        end_execution(); /* nobody has stored it: such an execution does not exist */
    }
    char text[64] = "";
    name_waiting(text, sizeof text);
    if (text[0] != '\0') {
        rv_model_fail("deadlock: these wait for ever:%s", text);
    }
    if (rv_engine.current != 0) {
        end_execution();
    }
}

void rv_engine_step(void)
{
    if (++rv_engine.steps > RV_MODEL_STEPS) {
        rv_model_fail("livelock: more than %d steps", RV_MODEL_STEPS);
    }
}

void rv_model_point(const char *site)
{
    unsigned ready[RV_MODEL_THREADS];
    (void)site;
    if (!rv_engine.is_running || rv_engine.current == 0) {
        return;
    }
    unsigned n = list_ready(ready);
    if (n > 1) {
        unsigned next = ready[rv_explore_thread(ready, n, false)];
        if (next != rv_engine.current) {
            rv_engine.preemptions++;
            go_on_with(next);
        }
    }
}

void rv_model_relax(void)
{
    struct rv_model_thread *t = rv_engine_thread();
    bool has_looked = !t->is_fresh; /* since its last turn; else it is a pause of several */
    t->is_fresh = true;
    if (rv_engine.current != 0 && has_looked) {
        t->status = RV_THREAD_SPINS;
        rv_engine_leave();
    }
}

unsigned rv_model_choose(unsigned n)
{
    rv_engine_step();
    unsigned chosen = rv_explore_choose(RV_CHOICE_OTHER, rv_explore_may_be_stale() ? n : 1);
    rv_engine.stale += chosen != 0;
    return chosen;
}

static void begin_thread(void *arg, struct rv_context *from)
{
    struct rv_model_thread *t = rv_engine_thread();
    (void)arg;
    (void)from;
    t->fn(t->arg);
    rv_model_exit();
}

void rv_model_exit(void)
{
    rv_engine_thread()->status = RV_THREAD_ENDED;
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        struct rv_model_thread *t = &rv_engine.threads[i];
        if (t->status == RV_THREAD_WAITS && t->futex == rv_engine_thread()) {
            t->status = RV_THREAD_READY;
        }
    }
    rv_engine_leave();
    end_execution();
}

unsigned rv_model_spawn(void (*fn)(void *), void *arg)
{
    struct rv_model_thread *self = rv_engine_thread();
    unsigned i = rv_engine.thread_count++;
    if (i >= RV_MODEL_THREADS) {
        rv_model_fail("a model has at most %d threads", RV_MODEL_THREADS - 1);
    }
    struct rv_model_thread *t = &rv_engine.threads[i];
    unsigned char *low = stacks + i * STACK_BYTES;
    t->fn = fn;
    t->arg = arg;
    t->now = self->now;
    t->now.at[i] = 1;
    rv_engine_tick(self);
    t->status = RV_THREAD_READY;
    rv_context_make(&t->context, low, low + STACK_BYTES, begin_thread);
    return i;
}

void rv_model_join(unsigned thread)
{
    struct rv_model_thread *self = rv_engine_thread();
    const struct rv_model_thread *t = &rv_engine.threads[thread];
    while (t->status != RV_THREAD_ENDED) {
        self->status = RV_THREAD_WAITS;
        self->futex = t;
        rv_engine_leave();
        self->futex = NULL;
    }
    rv_view_join(&self->now, &t->now);
}

void rv_model_block(bool may_stay)
{
    struct rv_model_thread *self = rv_engine_thread();
    rv_model_point(NULL);
    while (!self->is_unblocked) {
        self->status = RV_THREAD_WAITS;
        self->may_stay = may_stay;
        rv_engine_leave();
    }
    self->may_stay = false;
    self->is_unblocked = false;
}

void rv_model_unblock(unsigned thread)
{
    struct rv_model_thread *t = &rv_engine.threads[thread];
    rv_model_point(NULL);
    rv_view_join(&t->now, &rv_engine_thread()->now);
    rv_engine_tick(rv_engine_thread());
    t->is_unblocked = true;
    if (t->status == RV_THREAD_WAITS && t->futex == NULL) {
        t->status = RV_THREAD_READY;
    }
}

void rv_engine_full_fence(struct rv_model_thread *t)
{
    rv_view_join(&t->now, &t->acquired);
    rv_view_join_stores(&t->now, &rv_engine.ordered);
    rv_engine.ordered = t->now;
    t->released = t->now;
    rv_engine_tick(t);
}

void rv_model_allow_leaks(void)
{
    rv_engine.may_leak = true;
}

static void call_plain(void *arg)
{
    void (*fn)(void);
    memcpy(&fn, arg, sizeof fn);
    fn();
}

static void reset(void)
{
    memset(rv_engine.threads, 0, sizeof rv_engine.threads);
    memset(&rv_engine.ordered, 0, sizeof rv_engine.ordered);
    memset(rv_engine.writes_by, 0, sizeof rv_engine.writes_by);
    rv_engine.thread_count = 1;
    rv_engine.current = 0;
    rv_engine.writes = 0;
    rv_engine.steps = 0;
    rv_engine.stalls = 0;
    rv_engine.preemptions = 0;
    rv_engine.stale = 0;
    rv_engine.has_failed = false;
    rv_engine.may_leak = false;
    rv_engine.is_suspect = false;
    rv_engine.clock_ns = 1000000;
    rv_engine.threads[0].now.at[0] = 1;
    rv_engine.threads[0].status = RV_THREAD_WAITS;
    rv_engine.threads[0].may_stay = true;
    rv_memory_reset();
    rv_shadow_reset();
    rv_trace_reset();
}

/* Setup and finish run on a coroutine too, so that they can fail like the rest. */
static void run_all(void *arg, struct rv_context *from)
{
    const struct rv_model *model = arg;
    static void (*fns[RV_MODEL_THREADS])(void);
    (void)from;
    memcpy(fns, model->thread, sizeof model->thread);
    model->setup();
    for (unsigned i = 0; i < RV_MODEL_THREADS - 1 && fns[i] != NULL; i++) {
        rv_model_spawn(call_plain, (void *)&fns[i]);
    }
    end_execution();
}

static void run_finish(void *arg, struct rv_context *from)
{
    const struct rv_model *model = arg;
    struct rv_model_thread *self = rv_engine_thread();
    (void)from;
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        rv_view_join(&self->now, &rv_engine.threads[i].now);
    }
    if (model->finish != NULL) {
        model->finish();
    }
    if (!rv_engine.may_leak) {
        rv_shadow_check_leaks();
    }
    end_execution();
}

static void run_on_main_stack(rv_context_entry entry, const struct rv_model *model)
{
    struct rv_context context;
    rv_engine.current = 0;
    rv_context_make(&context, stacks, stacks + STACK_BYTES, entry);
    rv_context_switch(&rv_engine.main, &context, (void *)(uintptr_t)model);
}

void rv_engine_run(const struct rv_model *model)
{
    if (stacks == NULL) {
        stacks = mmap(NULL, STACK_BYTES * RV_MODEL_THREADS, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        rv_context_init_thread(&rv_engine.main);
    }
    reset();
    rv_engine.is_in_order = (model->flags & RV_MODEL_IN_ORDER) != 0;
    run_on_main_stack(run_all, model);
    if (!rv_engine.has_failed) {
        rv_engine.is_running = true;
        rv_engine_leave();
        rv_engine.is_running = false;
    }
    if (!rv_engine.has_failed && !rv_ahead_is_open()) {
        run_on_main_stack(run_finish, model);
    }
}

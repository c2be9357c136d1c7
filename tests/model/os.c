// SPDX-License-Identifier: MIT
/*
 * Purpose: the kernel, as the models see it: core/os.h and core/check.h over the checker.
 *
 * Idea: a futex compares with the newest value and sleeps; time stands still but for those who
 * wait for nothing else; a membarrier is a full fence of every thread. A wait may also end by a
 * signal, and one with a timeout by that: each costs as much as a stale value.
 *
 * Threads: those of the model.
 */
#include "engine.h"

#include "core/check.h"
#include "core/os.h"
#include "core/os_process.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rv_model_set_fences(bool is_asymmetric)
{
    rv_fence_asymmetric = is_asymmetric;
}

int64_t rv_os_clock_ns(void)
{
    return rv_engine.clock_ns;
}

int rv_os_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct rv_model_thread *t = rv_engine_thread();
    rv_engine_step();
    rv_model_point("futex wait");
    rv_trace_note("futex wait", word, expected, "");
    if ((uint32_t)rv_memory_newest(word, sizeof *word) != expected) {
        return -EAGAIN;
    }
    switch (rv_model_choose(timeout_ns < 0 ? 2 : 3)) {
    case 1:
        return -EINTR;
    case 2:
        rv_engine.clock_ns += timeout_ns;
        return -ETIMEDOUT;
    default:
        break;
    }
    t->status = RV_THREAD_WAITS;
    t->futex = word;
    t->has_timeout = timeout_ns >= 0;
    t->is_timed_out = false;
    rv_engine_leave();
    t->futex = NULL;
    t->has_timeout = false;
    if (t->is_timed_out) {
        rv_engine.clock_ns += timeout_ns;
        return -ETIMEDOUT;
    }
    return 0;
}

int rv_os_futex_wake(uint32_t *word, int n)
{
    int woken = 0;
    rv_engine_step();
    rv_model_point("futex wake");
    rv_trace_note("futex wake", word, (uint64_t)n, "");
    for (unsigned i = 1; i < rv_engine.thread_count && woken < n; i++) {
        struct rv_model_thread *t = &rv_engine.threads[i];
        if (t->status == RV_THREAD_WAITS && t->futex == word) {
            t->status = RV_THREAD_READY;
            t->futex = NULL;
            woken++;
        }
    }
    return woken;
}

int rv_os_membarrier_register(void)
{
    return 0;
}

int rv_os_membarrier(void)
{
    rv_engine_step();
    rv_model_point("membarrier");
    rv_trace_note("membarrier", NULL, 0, "");
    rv_engine_full_fence(rv_engine_thread());
    for (unsigned i = 1; i < rv_engine.thread_count; i++) {
        if (i != rv_engine.current) {
            rv_engine_full_fence(&rv_engine.threads[i]);
        }
    }
    rv_engine_full_fence(rv_engine_thread());
    return 0;
}

void rv_os_sched_yield(void)
{
    rv_model_relax();
}

static struct {
    void *(*main)(void *arg);
    void *arg;
} mains[RV_MODEL_THREADS];

static void begin_main(void *arg)
{
    (void)arg;
    mains[rv_engine.current].main(mains[rv_engine.current].arg);
}

int rv_os_thread_create(pthread_t *thread, void *(*main)(void *arg), void *arg)
{
    unsigned i = rv_engine.thread_count;
    if (i < RV_MODEL_THREADS) {
        mains[i].main = main;
        mains[i].arg = arg;
    }
    *thread = rv_model_spawn(begin_main, NULL);
    rv_model_point("thread create");
    return 0;
}

void rv_os_watch_thread_end(const struct rv_os_end_watch *watch)
{
    (void)watch;
}

void rv_os_end_thread_watch(void)
{
}

void rv_os_thread_join(pthread_t thread)
{
    rv_model_join((unsigned)thread);
}

int rv_os_set_thread_name(const char *name)
{
    (void)name;
    return 0;
}

int rv_os_block_async_signals(sigset_t *old)
{
    (void)old;
    return 0;
}

int rv_os_restore_signals(const sigset_t *old)
{
    (void)old;
    return 0;
}

/* Nobody has to wait for a processor. */
bool rv_os_turns_read(int fd, struct rv_os_turns *turns)
{
    (void)fd;
    (void)turns;
    return false;
}

int64_t rv_os_turns_used_by(pid_t tid)
{
    (void)tid;
    return rv_engine.clock_ns;
}

unsigned rv_os_cpu_count(void)
{
    return 1;
}

pid_t rv_os_gettid(void)
{
    return (pid_t)(1000 + rv_engine.current);
}

void rv_check_failed(const char *file, int line, const char *condition, const char *rule, ...)
{
    char text[200];
    va_list args;
    va_start(args, rule);
    vsnprintf(text, sizeof text, rule, args);
    va_end(args);
    rv_model_fail("%s:%d: %s: %s", file, line, condition, text);
}

void rv_panic(const char *rule, ...)
{
    char text[200];
    va_list args;
    va_start(args, rule);
    vsnprintf(text, sizeof text, rule, args);
    va_end(args);
    rv_model_fail("panic: %s", text);
}

bool rv_os_has_shadow_stack(void)
{
    return false;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: a task that overflows its stack is named before the process dies of it.
 *
 * Idea: the lowest page of a stack is a guard. A fault in the guard of the task that runs here is
 * an overflow; the handler stands on the worker's alternate stack (worker.c), says so, and lets the
 * process die as it would have. A frame larger than a page can jump over the guard unless its code
 * is compiled with -fstack-clash-protection; ours is.
 *
 * Threads: the handler on the worker that faulted. It takes no lock and allocates nothing; looking
 * up symbols is best effort, hence after the message.
 */
#include "sched/overflow.h"

#include "core/os_process.h"
#include "core/symbol.h"
#include "core/unwind.h"
#include "sched/current.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/task.h"

#include <stdio.h>
#include <unistd.h>

#define RV_OVERFLOW_FRAMES 24

static void say(const char *text, int n, size_t capacity)
{
    size_t bytes = n < 0 ? 0 : (size_t)n < capacity ? (size_t)n : capacity - 1;
    ssize_t written = write(STDERR_FILENO, text, bytes);
    (void)written; /* there is no better place to complain to */
}

static struct rv_task *find_overflowed(struct rove_runtime *runtime, const void *addr)
{
    int is_guard = 0;
    const struct rv_seat *seat = rv_stack_pool_find(runtime->stacks, addr, &is_guard);
    for (unsigned i = 0; i < RV_RUNTIME_STACK_CLASSES && seat == NULL; i++) {
        if (runtime->stack_classes[i] != NULL) {
            seat = rv_stack_pool_find(runtime->stack_classes[i], addr, &is_guard);
        }
    }
    return is_guard && seat != NULL ? seat->task : NULL;
}

static void say_frames(void)
{
    struct rv_symbols symbols = {0};
    void *pcs[RV_OVERFLOW_FRAMES];
    char line[RV_SYMBOL_LINE + 16];
    size_t n = rv_unwind_self(NULL, pcs, RV_OVERFLOW_FRAMES);
    for (size_t i = 0; i < n; i++) {
        char symbol[RV_SYMBOL_LINE];
        rv_symbol_print(&symbols, pcs[i], symbol, sizeof symbol);
        say(line, snprintf(line, sizeof line, "  #%-2zu %s\n", i, symbol), sizeof line);
    }
    rv_symbol_fini(&symbols);
}

static bool look(const void *addr)
{
    struct rv_worker *w = rv_current_worker();
    struct rv_task *t = w == NULL ? NULL : find_overflowed(w->runtime, addr);
    if (t == NULL || rv_load_relaxed(&w->current) != t) {
        return false;
    }
    char line[256];
    char name[RV_TASK_NAME_BYTES];
    size_t kib = (size_t)(t->seat->stack.high - t->seat->stack.low + 1023) / 1024;
    snprintf(name, sizeof name, "task-%llu", (unsigned long long)t->id);
    say(line,
        snprintf(line, sizeof line, "rove: task %.128s overflowed its %zu KiB stack\n",
                 t->name != NULL ? t->name : name, kib),
        sizeof line);
    say_frames();
    return true;
}

void rv_overflow_start(void)
{
    rv_os_watch_faults(look);
}

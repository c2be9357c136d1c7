// SPDX-License-Identifier: MIT
/*
 * Purpose: see high_water.h.
 */
#include "sched/high_water.h"

#include "core/lock.h"
#include "core/stack.h"
#include "core/symbol.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ROWS 64                 /* arbitrary; further names share the last row */
#define NAME_BYTES 32
#define BELOW_FRAME_BYTES 2048  /* what is wiped begins this far below: our own calls run there */

struct row {
    char name[NAME_BYTES]; /* empty: tasks without a name that run fn */
    rove_coro *fn;
    size_t used, size;     /* bytes: the most, and of how many */
    unsigned long tasks;
};

struct rv_high_water {
    struct rv_lock lock;   /* guards what follows */
    unsigned count;
    struct row rows[ROWS];
};

struct rv_high_water *rv_high_water_create(void)
{
    return calloc(1, sizeof(struct rv_high_water));
}

void rv_high_water_destroy(struct rv_high_water *table)
{
    free(table);
}

/* Lock held. */
static struct row *find(struct rv_high_water *table, const struct rv_task *t)
{
    unsigned i = 0;
    for (; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        bool is_it = t->name == NULL ? row->name[0] == '\0' && row->fn == t->fn
                                     : strncmp(row->name, t->name, NAME_BYTES - 1) == 0;
        if (is_it) {
            return &table->rows[i];
        }
    }
    if (i == ROWS) {
        return &table->rows[ROWS - 1];
    }
    struct row *row = &table->rows[table->count++];
    row->fn = t->fn;
    snprintf(row->name, sizeof row->name, "%s",
             i == ROWS - 1 ? "of other names" : t->name == NULL ? "" : t->name);
    return row;
}

void rv_high_water_note(struct rv_high_water *table, const struct rv_task *t)
{
    char here;
    if (table == NULL) {
        return;
    }
    const struct rv_stack *stack = &t->seat->stack;
    size_t used = rv_stack_used(stack);
    rv_stack_wipe(stack, (const char *)((uintptr_t)&here & ~(uintptr_t)7) - BELOW_FRAME_BYTES);
    rv_lock_acquire(&table->lock);
    struct row *row = find(table, t);
    row->used = used > row->used ? used : row->used;
    row->size = (size_t)(stack->high - stack->low);
    row->tasks++;
    rv_lock_release(&table->lock);
}

/* A symbol is looked up by an address behind a call: a function's own first byte is not in it. */
static void print_function(rove_coro *fn, char *line, size_t bytes)
{
    struct rv_symbols symbols = {0};
    struct rv_symbol found;
    const char *at;
    memcpy(&at, &fn, sizeof at);
    rv_symbol_find(&symbols, at + 1, &found);
    if (found.name[0] != '\0') {
        snprintf(line, bytes, "%s (%.40s)", found.name, found.module);
    } else {
        rv_symbol_print(&symbols, at, line, bytes);
    }
    rv_symbol_fini(&symbols);
}

static void report_row(struct rove_runtime *runtime, const struct row *row)
{
    char line[RV_SYMBOL_LINE];
    snprintf(line, sizeof line, "named %s", row->name);
    if (row->name[0] == '\0') {
        print_function(row->fn, line, sizeof line);
    }
    rv_runtime_log(runtime, LOG_INFO, "rove: %lu tasks %s used at most %zu of %zu bytes of stack",
                   row->tasks, line, row->used, row->size);
}

void rv_high_water_report(struct rove_runtime *runtime)
{
    const struct rv_high_water *table = runtime->high_water;
    for (unsigned i = 0; table != NULL && i < table->count; i++) {
        report_row(runtime, &table->rows[i]);
    }
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: names for cache lines, tools/cores/lines.h.
 * Idea:    an address in the runtime or a worker is named by the field that begins in its line or
 *          goes on there; one in the pages of stacks by what it is for its block; the rest by who
 *          fetches it.
 */
#include "tools/cores/lines.h"

#include <stdlib.h>
#include <string.h>

#include "core/cores.h"
#include "core/symbol.h"
#include "sched/current.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#define SUMS_MAX 256

struct field {
    size_t offset;
    const char *name;
};

#define RUNTIME(field) {offsetof(struct rove_runtime, field), "runtime." #field}
#define WORKER(field)  {offsetof(struct rv_worker, field), "worker." #field}

/* By offset; a line has the name of the last that begins before its end. */
static const struct field runtime_fields[] = {
    {0, "runtime: constants"}, RUNTIME(idle.watching), RUNTIME(idle.searching),
    RUNTIME(idle.lock), RUNTIME(watch), RUNTIME(inject_lock),
    RUNTIME(is_stopping), RUNTIME(next_task_id), RUNTIME(stopper)};
static const struct field worker_fields[] = {
    {0, "worker: the owner's"}, WORKER(bias), WORKER(runq.tail), WORKER(runq.head),
    WORKER(runq.slots), WORKER(conts.bottom), WORKER(conts.top), WORKER(timers), WORKER(inbox),
    WORKER(count), WORKER(stacks)};

static struct {
    struct lines_sum sum[SUMS_MAX];
    unsigned count;
    struct rove_runtime *runtime;
    struct rv_symbols symbols;
} lines;

static const char *field_of(const struct field *fields, size_t n, size_t offset)
{
    const char *name = fields[0].name;
    for (size_t i = 0; i < n && fields[i].offset < offset + RV_CACHE_LINE; i++) {
        name = fields[i].name;
    }
    return name;
}

static void name_line(const struct rv_cores_line *line, char name[LINES_NAME])
{
    const struct rove_runtime *runtime = lines.runtime;
    uintptr_t runtime_at = (uintptr_t)runtime & ~(uintptr_t)(RV_CACHE_LINE - 1);
    uintptr_t workers_at = (uintptr_t)runtime->workers;
    uintptr_t workers_bytes = runtime->worker_count * sizeof(struct rv_worker);
    struct rv_symbol symbol;
    if (line->at - runtime_at < sizeof(*runtime)) {
        snprintf(name, LINES_NAME, "%s", field_of(runtime_fields, RV_ARRAY_LEN(runtime_fields),
                                                  line->at - runtime_at));
    } else if (line->at - workers_at < workers_bytes) {
        size_t offset = (line->at - workers_at) % sizeof(struct rv_worker);
        snprintf(name, LINES_NAME, "%s",
                 field_of(worker_fields, RV_ARRAY_LEN(worker_fields), offset));
    } else {
        rv_symbol_find(&lines.symbols, line->site, &symbol);
        snprintf(name, LINES_NAME, "memory of %s", symbol.name[0] != 0 ? symbol.name : "others");
    }
}

static void add(const struct rv_cores_line *line, void *ctx)
{
    char name[LINES_NAME];
    unsigned i = 0;
    (void)ctx;
    name_line(line, name);
    while (i < lines.count && strcmp(lines.sum[i].name, name) != 0) {
        i++;
    }
    if (i == SUMS_MAX) {
        return;
    }
    if (i == lines.count) {
        lines.count++;
        lines.sum[i] = (struct lines_sum){.transfers = 0};
        memcpy(lines.sum[i].name, name, LINES_NAME);
    }
    struct lines_sum *sum = &lines.sum[i];
    sum->transfers += line->transfers;
    sum->queued_ps += line->queued_ps;
    if (line->transfers > sum->site_transfers) {
        struct rv_symbol symbol;
        rv_symbol_find(&lines.symbols, line->site, &symbol);
        snprintf(sum->site, LINES_NAME, "%s", symbol.name);
        sum->site_transfers = line->transfers;
    }
}

static int compare(const void *a, const void *b)
{
    const struct lines_sum *x = a, *y = b;
    int by_count = (x->transfers < y->transfers) - (x->transfers > y->transfers);
    return by_count != 0 ? by_count : strcmp(x->name, y->name);
}

void lines_look(void)
{
    lines.count = 0;
    lines.runtime = rv_current_worker()->runtime;
    rv_cores_each_line(add, NULL);
    rv_symbol_fini(&lines.symbols);
    qsort(lines.sum, lines.count, sizeof(lines.sum[0]), compare);
}

const struct lines_sum *lines_get(unsigned i)
{
    return i < lines.count ? &lines.sum[i] : NULL;
}

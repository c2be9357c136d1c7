// SPDX-License-Identifier: MIT
/*
 * Purpose: the loads. Each checks its own result, so that a run that lost something ends.
 * Idea:    a small round first, which starts the workers and fills the caches of stacks; then the
 *          measured one. Times of steps are simulated work, rove_sim_work.
 */
#include "tools/cores/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rove/sim.h>

enum {
    FAN_WORK_NS = 2000, LEAF_WORK_NS = 500, BURST_WORK_NS = 20000, BURST_PAUSE_NS = 10000000,
    TASKS_MAX = 1 << 16
};

static const rove_task_options eager = {.eager = true};
static rove_task *tasks[TASKS_MAX];

static void require(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "rove-cores: broken: %s\n", what);
        abort();
    }
}

static void join(rove_task *t, uintptr_t *sum)
{
    void *result = NULL;
    require(rove_join(t, &result) == 0, "a join");
    *sum += (uintptr_t)result;
}

static int step(void *arg, void **result)
{
    rove_sim_work((rove_duration)(uintptr_t)arg);
    *result = (void *)(uintptr_t)1;
    return 0;
}

/* n tasks of one parent. */
static void fan(unsigned n, rove_duration work_ns)
{
    uintptr_t sum = 0;
    require(n <= TASKS_MAX, "so many tasks");
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = rove_create_task(step, (void *)(uintptr_t)work_ns);
        require(tasks[i] != NULL, "a task");
    }
    for (unsigned i = 0; i < n; i++) {
        join(tasks[i], &sum);
    }
    require(sum == n, "every task ran once");
}

static uint64_t fan_out(unsigned cores, unsigned size)
{
    (void)cores;
    fan(size, FAN_WORK_NS);
    return size;
}

/* A binary tree of so many levels: eager, so that thieves take the parents. */
static int tree(void *arg, void **result)
{
    uintptr_t levels = (uintptr_t)arg;
    uintptr_t sum = 0;
    if (levels == 0) {
        rove_sim_work(LEAF_WORK_NS);
        *result = (void *)(uintptr_t)1;
        return 0;
    }
    rove_task *a = rove_create_task_with(&eager, tree, (void *)(levels - 1));
    rove_task *b = rove_create_task_with(&eager, tree, (void *)(levels - 1));
    join(b, &sum);
    join(a, &sum);
    *result = (void *)sum;
    return 0;
}

static uint64_t fork_join(unsigned cores, unsigned size)
{
    uintptr_t sum = 0;
    uintptr_t levels = 0;
    (void)cores;
    while (1u << levels < size) {
        levels++;
    }
    join(rove_create_task(tree, (void *)levels), &sum);
    require(sum == (uintptr_t)1 << levels, "every leaf was counted");
    return 2 * sum - 1;
}

struct pair {
    rove_chan *there, *back;
    unsigned trips;
};

static int echo(void *arg, void **result)
{
    struct pair *p = arg;
    unsigned n;
    (void)result;
    while (rove_chan_recv(p->there, &n) == 0) {
        require(rove_chan_send(p->back, &n) == 0, "a send");
    }
    return 0;
}

static int play(void *arg, void **result)
{
    struct pair p = {rove_chan_create(sizeof(unsigned), 0), rove_chan_create(sizeof(unsigned), 0),
                     (unsigned)(uintptr_t)arg};
    uintptr_t sum = 0;
    rove_task *other = rove_create_task(echo, &p);
    for (unsigned i = 0; i < p.trips; i++) {
        unsigned n = p.trips;
        require(rove_chan_send(p.there, &i) == 0, "a send");
        require(rove_chan_recv(p.back, &n) == 0 && n == i, "an answer");
    }
    rove_chan_close(p.there);
    join(other, &sum);
    rove_chan_release(p.there);
    rove_chan_release(p.back);
    *result = (void *)(uintptr_t)p.trips;
    return 0;
}

static int turns(void *arg, void **result)
{
    for (uintptr_t i = 0; i < (uintptr_t)arg; i++) {
        require(rove_yield() == 0, "a yield");
    }
    *result = arg;
    return 0;
}

/* n tasks that each count to size. */
static uint64_t many(unsigned n, rove_coro *fn, unsigned size)
{
    uintptr_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = rove_create_task(fn, (void *)(uintptr_t)size);
        require(tasks[i] != NULL, "a task");
    }
    for (unsigned i = 0; i < n; i++) {
        join(tasks[i], &sum);
    }
    require(sum == (uintptr_t)n * size, "every turn was counted");
    return sum;
}

static uint64_t ping_pong(unsigned cores, unsigned size)
{
    return many(2 * cores, play, size);
}

static uint64_t yields(unsigned cores, unsigned size)
{
    return many(8 * cores, turns, size);
}

/* All sleep; then there is one task for each core at once. */
static uint64_t bursts(unsigned cores, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        require(rove_sleep(BURST_PAUSE_NS) == 0, "a sleep");
        fan(cores, BURST_WORK_NS);
    }
    return (uint64_t)size * cores;
}

const struct load loads[] = {
    {"fan-out", "task of 2 us", fan_out, 16384, false, 0},
    {"fork-join", "task, leaves of 0.5 us", fork_join, 65536, false, 0},
    {"ping-pong", "round trip", ping_pong, 4000, true, 0},
    {"yield", "yield", yields, 4000, true, 0},
    {"burst", "task of 20 us", bursts, 20, true, BURST_PAUSE_NS * INT64_C(1000)},
    {.name = NULL},
};

const struct load *load_find(const char *name)
{
    const struct load *load = loads;
    while (load->name != NULL && strcmp(load->name, name) != 0) {
        load++;
    }
    return load->name == NULL ? NULL : load;
}

static struct {
    const struct load *load;
    unsigned cores, size;
    void (*look)(void);
    struct load_result *result;
    rove_metrics before, after;
} run;

static int measured(void *arg, void **result)
{
    struct load_result *r = run.result;
    (void)arg, (void)result;
    run.load->measure(run.cores, run.load->is_per_core ? 4 : run.size / 4);
    require(rove_metrics_read(rove_current_runtime(), &run.before) == 0, "the metrics");
    rv_cores_begin();
    r->operations = run.load->measure(run.cores, run.size);
    rv_cores_end(&r->count);
    r->paused_ps = run.load->pause_ps * run.size;
    require(rove_metrics_read(rove_current_runtime(), &run.after) == 0, "the metrics");
    r->steals = run.after.steals - run.before.steals;
    r->parks = run.after.parks - run.before.parks;
    r->wakeups = run.after.wakeups - run.before.wakeups;
    r->switches = run.after.switches - run.before.switches;
    if (run.look != NULL) {
        run.look();
    }
    return 0;
}

int load_run(const struct load *load, unsigned cores, unsigned size, uint64_t seed,
             void (*look)(void), struct load_result *result)
{
    const rove_sim_options options = {
        .runtime = {.workers = cores}, .no_faults = true, .report = &result->report};
    memset(result, 0, sizeof(*result));
    run.load = load;
    run.cores = cores;
    run.size = size;
    run.look = look;
    run.result = result;
    int rc = rove_sim_run(seed, &options, measured, NULL);
    result->hash = result->report.trace_hash;
    return rc;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: the public face of a simulation, <rove/sim.h>.
 * Threads: as said there.
 */
#include <rove/sim.h>

#include "core/atomic.h"
#include "core/sim.h"
#include "core/sim_memory.h"
#include "io/ring_sim.h"
#include "io/sim_file.h"
#include "sched/sim_look.h"

#include <errno.h>
#include <stdio.h>

struct program {
    rove_options options;
    rove_coro *main;
    void *arg;
    int rc;
};

static void body(void *ctx)
{
    struct program *p = ctx;
    p->rc = rove_run_with(&p->options, p->main, p->arg, NULL);
    if (p->rc == -ETIMEDOUT && rv_sim_memory_blocks() != 0) {
        rv_sim_fail(-ETIMEDOUT, "a task ignored its cancellation and was abandoned, with %zu bytes",
                    rv_sim_memory_blocks());
    }
    if (rv_sim_file_open_count() != 0) {
        rv_sim_fail(-EPROTO, "%u descriptors are left open", rv_sim_file_open_count());
    }
    if (rv_sim_memory_blocks() != 0 || rv_sim_memory_pages() != 0) {
        rv_sim_fail(-EPROTO, "%zu bytes and %zu bytes of pages are not given back",
                    rv_sim_memory_blocks(), rv_sim_memory_pages());
    }
}

static void fill_report(rove_sim_report *report, const struct rv_sim_outcome *outcome)
{
    report->trace_hash = outcome->hash;
    report->switches = outcome->switches;
    report->ended_at = outcome->ended_ns;
    snprintf(report->trouble, sizeof report->trouble, "%s", outcome->text);
}

int rove_sim_run(uint64_t seed, const rove_sim_options *options, rove_coro *main, void *arg)
{
    static const rove_sim_options defaults;
    options = options == NULL ? &defaults : options;
    struct program p = {.options = options->runtime, .main = main, .arg = arg};
    struct rv_sim_config config = {
        .seed = seed, .max_switches = options->max_switches, .look = rv_sim_look_around};
    config.mourn = options->verbose ? rv_sim_look_back : NULL;
    struct rv_sim_outcome outcome;
    if (rv_sim_is_running()) {
        return -EBUSY;
    }
    p.options.backend = ROVE_BACKEND_URING;
    rv_fence_init(); /* the process's: it must not differ between the first run and the next */
    rv_sim_file_reset();
    rv_sim_file_set_faults(!options->no_faults);
    rv_ring_sim_reset();
    int rc = rv_sim_run(&config, body, &p, &outcome);
    if (rc < 0) {
        return rc;
    }
    if (options->report != NULL) {
        fill_report(options->report, &outcome);
    }
    return outcome.error != 0 ? outcome.error : p.rc;
}

uint32_t rove_sim_random(uint32_t n)
{
    return rv_sim_is_running() ? rv_sim_draw(n) : 0;
}

void rove_sim_work(rove_duration d)
{
    if (rv_sim_is_running() && d > 0) {
        rv_sim_work(d);
    }
}

int rove_sim_pipe(int fds[2])
{
    return rv_sim_is_running() ? rv_sim_file_open_pipe(fds) : -EPERM;
}

int rove_sim_socketpair(int fds[2])
{
    return rv_sim_is_running() ? rv_sim_file_open_pair(fds) : -EPERM;
}

bool rove_sim_owns(const void *buf, size_t n)
{
    return rv_sim_is_running() && rv_ring_sim_owns(buf, n);
}

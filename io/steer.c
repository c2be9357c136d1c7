// SPDX-License-Identifier: MIT
/*
 * Purpose: flow steering, io/steer.h.
 */
#include "io/steer.h"

#include "core/os.h"
#include "io/fdtab.h"
#include "sched/runtime.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* slot->turns: receives since the last look; above them, how often its answer was the last one. */
#define PATIENCE_SHIFT 16
#define TURNS_MASK ((1U << PATIENCE_SHIFT) - 1)

int rv_steer_init(struct rv_steer *steer, unsigned workers)
{
    *steer = (struct rv_steer){NULL, 0};
    long cpus = workers > 1 ? sysconf(_SC_NPROCESSORS_CONF) : 0;
    if (cpus <= 1) {
        return 0;
    }
    steer->worker_on = calloc((size_t)cpus, sizeof(*steer->worker_on));
    if (steer->worker_on == NULL) {
        return -ENOMEM;
    }
    steer->cpus = (size_t)cpus;
    return 0;
}

void rv_steer_fini(struct rv_steer *steer)
{
    free(steer->worker_on);
}

RV_HOT void rv_steer_note(struct rv_steer *steer, struct rv_worker *w)
{
    if (steer->cpus == 0) {
        return;
    }
    uint32_t cpu = rv_os_current_cpu();
    if (cpu == rv_load_relaxed(&w->cpu) || cpu >= steer->cpus) {
        return;
    }
    rv_store_relaxed(&w->cpu, cpu);
    rv_store_relaxed(&steer->worker_on[cpu], w->idx + 1);
}

/* The worker last seen on the CPU to which the kernel delivers for this socket, or NULL. */
static RV_NOINLINE struct rv_worker *worker_of_flow(const struct rv_steer *steer, int fd,
                                        const struct rove_runtime *runtime)
{
    int cpu = -1;
    socklen_t len = sizeof(cpu);
    if (getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &len) < 0 || cpu < 0 ||
        (size_t)cpu >= steer->cpus) {
        return NULL;
    }
    uint32_t idx = rv_load_relaxed(&steer->worker_on[cpu]);
    if (idx == 0) {
        return NULL;
    }
    struct rv_worker *w = &runtime->workers[idx - 1];
    return rv_load_relaxed(&w->cpu) == (uint32_t)cpu && !rv_active_is_aside(w) ? w : NULL;
}

/* Time for a look; the patience until the next. */
static uint32_t look(const struct rv_steer *steer, struct rv_fd_slot *slot, int fd,
                     const struct rove_runtime *runtime, uint32_t patience)
{
    struct rv_worker *w =
        rv_active_count(runtime) > 1 ? worker_of_flow(steer, fd, runtime) : NULL;
    uint32_t home = w == NULL ? 0 : w->idx + 1;
    bool is_as_before = home == rv_load_relaxed(&slot->home);
    rv_store_relaxed(&slot->home, home);
    return !is_as_before ? 0 : patience < RV_STEER_PATIENCE ? patience + 1 : patience;
}

void rv_steer_count(struct rv_steer *steer, struct rv_fd_slot *slot, int fd,
                    const struct rove_runtime *runtime)
{
    uint32_t turns = rv_load_relaxed(&slot->turns) + 1;
    uint32_t patience = turns >> PATIENCE_SHIFT;
    if (RV_UNLIKELY((turns & TURNS_MASK) == RV_STEER_TURNS << patience)) {
        turns = look(steer, slot, fd, runtime, patience) << PATIENCE_SHIFT;
    }
    rv_store_relaxed(&slot->turns, turns);
}

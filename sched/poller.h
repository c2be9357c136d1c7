// SPDX-License-Identifier: MIT
/*
 * Purpose: what the scheduler asks of a reactor. io/ defines it twice: io_uring and epoll.
 *
 * Idea: sched/ knows no descriptor, so the one upward need, that an idle worker waits in the
 * kernel, is turned round here. `worker->poll_data` is the back-end's own per-worker state.
 *
 * A loop turn of a worker: run ready tasks; every RV_WORKER_TICK switches, and whenever nothing is
 * ready, `poll`; when still nothing is ready anywhere, announce the sleep (idle.c), then `sleep`.
 *
 *   runtime_start   once, before the workers: 0 or -errno (then the next back-end is tried)
 *   runtime_stop    once, after the workers have ended
 *   worker_start    on the worker's own thread, before it runs tasks: 0 or -errno
 *   worker_stop     on the worker's own thread, after its last task; nothing may be in flight
 *   poll            owner: hands queued operations to the kernel, reaps what is complete; does not
 *                   block; returns how many tasks it woke
 *   sleep           owner: as poll, but blocks until something completes, `wake` is called, or the
 *                   clock reaches deadline_ns (INT64_MAX: never). A wake before the call counts.
 *   wake            any thread: ends that worker's present or next sleep
 *   needs_poll      owner, cheap, no system call: work for poll is known to be there
 *   flush           owner, about to run a task: hands over what needs_poll left for a sleep that
 *                   does not come
 *   rescue          another worker: reaps what completed for a worker that computes too long;
 *                   returns how many tasks it woke
 */
#ifndef RV_SCHED_POLLER_H
#define RV_SCHED_POLLER_H

#include <rove/runtime.h>

#include <stdbool.h>
#include <stdint.h>

struct rove_runtime;
struct rv_worker;

struct rv_poller_ops {
    const char *name;
    int (*runtime_start)(struct rove_runtime *runtime);
    void (*runtime_stop)(struct rove_runtime *runtime);
    int (*worker_start)(struct rv_worker *w);
    void (*worker_stop)(struct rv_worker *w);
    unsigned (*poll)(struct rv_worker *w);
    void (*sleep)(struct rv_worker *w, int64_t deadline_ns);
    void (*wake)(struct rv_worker *w);
    bool (*needs_poll)(const struct rv_worker *w);
    void (*flush)(struct rv_worker *w);
    unsigned (*rescue)(struct rv_worker *self, struct rv_worker *victim);
};

/* The n-th back-end to try for this wish (0, 1, ..), best first; NULL: no more. io/poller.c. */
const struct rv_poller_ops *rv_poller_pick(rove_backend wish, unsigned n);

/* One line of the log: which back-end the runtime has taken, and why. `refused`: the last one that
 * was tried in vain, and its error; NULL: none. The runtime's own: none is left. io/poller.c. */
void rv_poller_report(struct rove_runtime *runtime, const struct rv_poller_ops *refused, int error);

#endif

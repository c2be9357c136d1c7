// SPDX-License-Identifier: MIT
/*
 * Purpose: memory, rings and descriptors of the io_uring back-end.
 *
 * Idea: everything that may be refused is asked for here, before a worker starts: then the other
 * back-end takes over and no task ever sees a half of this one. Each worker then enables its own
 * ring, and takes it down.
 */
#include "core/check.h"
#include "io/kick.h"
#include "io/multi.h"
#include "io/uring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HELPERS_FOR_FILES 8   /* arbitrary: reads that miss the page cache */
#define HELPERS_FOR_OTHERS 64 /* arbitrary: terminals and other devices that cannot be polled */

void rv_uring_destroy(struct rv_uring_io *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        rv_ring_destroy(&all->rings[i].ring);
        rv_buffers_fini(&all->rings[i].buffers);
        if (all->rings[i].wake_fd >= 0) {
            close(all->rings[i].wake_fd);
        }
    }
    if (all->alarm_fd >= 0) {
        close(all->alarm_fd);
    }
    rv_io_fini(&all->io);
    free(all->steps);
    free(all->rings);
    free(all);
}

/* Rings count against RLIMIT_MEMLOCK: smaller ones where the limit is tight. */
static int create_rings(struct rv_uring_io *all)
{
    static const unsigned sizes[][2] = {{256, 4096}, {128, 1024}, {64, 256}};
    int rc = -ENOMEM;
    for (size_t s = 0; s < RV_ARRAY_LEN(sizes) && rc == -ENOMEM; s++) {
        rc = 0;
        for (unsigned i = 0; i < all->count && rc == 0; i++) {
            rv_ring_destroy(&all->rings[i].ring);
            rc = rv_ring_create(&all->rings[i].ring, sizes[s][0], sizes[s][1]);
        }
    }
    return rc;
}

/* Sleepers guard the others only where there are others, and a signal for it. */
static int create_guard(struct rv_uring_io *all)
{
    all->may_kick = all->count > 1 && rv_kick_init() == 0;
    all->steps = calloc((size_t)all->count * RV_GUARDS, sizeof(*all->steps));
    all->alarm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return all->alarm_fd < 0 ? -errno : all->steps == NULL ? -ENOMEM : 0;
}

static int create_parts(struct rv_uring_io *all)
{
    int rc = rv_io_init(&all->io, all->count);
    for (unsigned i = 0; i < all->count && rc == 0; i++) {
        all->rings[i].wake_fd = eventfd(0, EFD_CLOEXEC);
        rc = all->rings[i].wake_fd < 0 ? -errno : 0;
    }
    if (rc == 0) {
        rc = create_guard(all);
    }
    return rc == 0 ? create_rings(all) : rc;
}

int rv_uring_create(struct rove_runtime *runtime, struct rv_uring_io **out)
{
    struct rv_uring_io *all = calloc(1, sizeof(*all));
    if (all == NULL) {
        return -ENOMEM;
    }
    all->rings = aligned_alloc(RV_CACHE_LINE, runtime->worker_count * sizeof(*all->rings));
    if (all->rings == NULL) {
        free(all);
        return -ENOMEM;
    }
    all->alarm_fd = -1;
    all->count = runtime->worker_count;
    memset(all->rings, 0, all->count * sizeof(*all->rings));
    for (unsigned i = 0; i < all->count; i++) {
        all->rings[i].ring.fd = -1;
        all->rings[i].wake_fd = -1;
        all->rings[i].worker = &runtime->workers[i];
    }
    int rc = create_parts(all);
    if (rc < 0) {
        rv_uring_destroy(all);
        return rc;
    }
    *out = all;
    return 0;
}

int rv_uring_worker_start(struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    struct rv_uring_io *all = rv_uring_io_of(w->runtime);
    RV_ASSERT(u->worker == w, "workers are numbered as in the array");
    w->poll_data = u;
    int rc = rv_ring_enable(&u->ring);
    if (rc == 0) {
        (void)rv_ring_limit_helpers(&u->ring, HELPERS_FOR_FILES, HELPERS_FOR_OTHERS);
    }
    if (rc == 0 && all->may_kick) {
        rc = rv_ring_set_event(&u->ring, all->alarm_fd);
    }
    if (rc == 0) {
        (void)rv_buffers_init(&u->buffers, &u->ring);
    }
    if (rc == 0 && all->may_kick) {
        rv_kick_allow();
    }
    return rc;
}

void rv_uring_worker_stop(struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    if (rv_uring_io_of(w->runtime)->may_kick) {
        rv_kick_forbid();
    }
    rv_multi_end_all(u);
    rv_io_forget_sigpipe(rv_io_of(w->runtime));
    rv_lock_acquire(&u->cq_lock); /* kept: nobody may look at the completions any more */
    rv_ring_destroy(&u->ring);
}

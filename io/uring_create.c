// SPDX-License-Identifier: MIT
/*
 * Purpose: memory, rings and descriptors of the io_uring back-end.
 *
 * Idea: everything that may be refused is asked for here, before a worker starts: then the other
 * back-end takes over and no task ever sees a half of this one. Each worker then enables its own
 * ring, and takes it down.
 */
#include "core/check.h"
#include "core/os.h"
#include "io/kick.h"
#include "io/multi.h"
#include "io/uring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define RING_PAUSES 8 /* 255 ms altogether, where mostly 20 were seen; arbitrary */
#define RING_PAUSE_NS (INT64_C(1) * 1000000)
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

struct ring_size {
    unsigned sq_entries, cq_entries;
};

/* All of them, or none and an error. */
static int create_rings_of(struct rv_uring_io *all, struct ring_size size)
{
    int rc = 0;
    unsigned n = 0;
    while (n < all->count && rc == 0) {
        rc = rv_ring_create(&all->rings[n].ring, size.sq_entries, size.cq_entries);
        n += rc == 0;
    }
    while (rc < 0 && n > 0) {
        rv_ring_destroy(&all->rings[--n].ring);
    }
    return rc;
}

/* Whether the limit has room for so many, if nothing else counts against it. */
static bool may_fit(unsigned count, struct ring_size size)
{
    size_t bytes = size.sq_entries * sizeof(struct io_uring_sqe) +
                   size.cq_entries * sizeof(struct io_uring_cqe) + 4096;
    struct rlimit limit;
    return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur / bytes >= count;
}

/* Some more time for the kernel; false: that was enough. */
static bool wait_for_memory(unsigned *pauses)
{
    RV_ATOMIC(uint32_t) never;
    if (*pauses == RING_PAUSES) {
        return false;
    }
    rv_store_relaxed(&never, 0u);
    (void)rv_os_futex_wait(&never, 0, RING_PAUSE_NS << (*pauses)++);
    return true;
}

/*
 * Rings count against RLIMIT_MEMLOCK, that of all of the user's processes: smaller ones where the
 * limit is tight. What a ring took that is closed comes back some ms after that, so if the limit
 * itself does not forbid it, they are tried again.
 */
static int create_rings(struct rv_uring_io *all)
{
    static const struct ring_size sizes[] = {{256, 4096}, {128, 1024}, {64, 256}};
    const struct ring_size *smallest = &sizes[RV_ARRAY_LEN(sizes) - 1];
    unsigned pauses = 0;
    int rc;
    do {
        rc = -ENOMEM;
        for (const struct ring_size *size = sizes; size <= smallest && rc == -ENOMEM; size++) {
            if (pauses == 0 || may_fit(all->count, *size)) {
                rc = create_rings_of(all, *size);
            }
        }
    } while (rc == -ENOMEM && may_fit(all->count, *smallest) && wait_for_memory(&pauses));
    return rc;
}

int rv_uring_probe(void)
{
    unsigned pauses = 0;
    int rc;
    do {
        rc = rv_ring_probe();
    } while (rc == -ENOMEM && may_fit(1, (struct ring_size){0}) && wait_for_memory(&pauses));
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

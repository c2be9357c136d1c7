// SPDX-License-Identifier: MIT
/*
 * Purpose: io/uring_create.c: all that the back-end needs is there, or nothing of it.
 * Idea:    memory, descriptors and rings are refused one after the other; where the limit of locked
 *          memory is tight, smaller rings have to do.
 */
#include "support/fixture.h"
#include "support/scarce.h"
#include "support/still_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_ALLOCATIONS = 100, WORKERS = 3 };

int __real_rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries);
int __wrap_rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries);

static unsigned most_entries = UINT32_MAX; /* larger rings are refused, with this error */
static int ring_error = -ENOMEM;
static unsigned ring_calls;
static unsigned refusals; /* so many are refused in any case */

int __wrap_rv_ring_create(struct rv_ring *ring, unsigned sq_entries, unsigned cq_entries)
{
    ring_calls++;
    if (refusals > 0) {
        refusals--;
        return ring_error;
    }
    return sq_entries > most_entries ? ring_error
                                     : __real_rv_ring_create(ring, sq_entries, cq_entries);
}

static struct rv_still still;

static void open_runtime(unsigned workers)
{
    if (rv_ring_probe() < 0)
        skip();
    assert_int_equal(rv_still_init(&still, workers), 0);
    ring_calls = 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Goal: a ring and a descriptor to wake it for each worker, closed to children, none enabled. */
static void test_uring_create_makes_all_parts(void **state)
{
    struct rv_test_usage before;
    (void)state;
    for (unsigned n = 1; n <= WORKERS; n++) {
        struct rv_uring_io *all = NULL;
        open_runtime(n);
        rv_test_usage_read(&before);
        assert_int_equal(rv_uring_create(&still.runtime, &all), 0);
        assert_int_equal(all->count, n);
        assert_int_equal(all->may_kick, n > 1);
        assert_true(is_open(all->alarm_fd));
        for (unsigned i = 0; i < n; i++) {
            const struct rv_uring *u = &all->rings[i];
            assert_ptr_equal(u->worker, &still.workers[i]);
            assert_int_equal(fcntl(u->ring.fd, F_GETFD), FD_CLOEXEC);
            assert_int_equal(fcntl(u->wake_fd, F_GETFD), FD_CLOEXEC);
            assert_int_equal(rv_ring_unsent(&u->ring), 0);
            assert_int_equal((uintptr_t)u % RV_CACHE_LINE, 0);
            for (unsigned k = 0; k < i; k++)
                assert_int_not_equal(all->rings[k].wake_fd, u->wake_fd);
        }
        rv_uring_destroy(all);
        rv_test_usage_check(&before);
        rv_still_fini(&still);
    }
}

/* Goal: the k-th allocation is refused: -ENOMEM, and no descriptor or byte stays. */
static void test_uring_create_without_memory(void **state)
{
    struct rv_test_usage before;
    struct rv_test_usage after;
    int rc = -ENOMEM;
    (void)state;
    open_runtime(WORKERS);
    rv_test_usage_read(&before);
    for (int k = 0; rc != 0 && k < MOST_ALLOCATIONS; k++) {
        struct rv_uring_io *all = NULL;
        rv_scarce_after(k);
        rc = rv_uring_create(&still.runtime, &all);
        rv_scarce_end();
        assert_true(rc == 0 || (rc == -ENOMEM && all == NULL));
        if (rc == 0)
            rv_uring_destroy(all);
        rv_test_usage_check(&before);
    }
    assert_int_equal(rc, 0);
    rv_test_usage_read(&after);
    assert_true(after.bytes <= before.bytes);
    rv_still_fini(&still);
}

/* Goal: no more descriptors, at each place where one is asked for: -EMFILE, and none stays. */
static void test_uring_create_without_descriptors(void **state)
{
    struct rv_test_usage before;
    struct rlimit limit;
    int rc = -EMFILE;
    int refused = 0;
    (void)state;
    open_runtime(WORKERS);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rv_test_usage_read(&before);
    int first = dup(STDERR_FILENO); /* the next free number */
    close(first);
    for (rlim_t extra = 0; rc != 0 && extra < 20; extra++) {
        struct rv_uring_io *all = NULL;
        struct rlimit tight = {.rlim_cur = (rlim_t)first + extra, .rlim_max = limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        rc = rv_uring_create(&still.runtime, &all);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(rc == 0 || rc == -EMFILE);
        refused += rc != 0;
        if (rc == 0)
            rv_uring_destroy(all);
        rv_test_usage_check(&before);
    }
    assert_int_equal(rc, 0);
    assert_true(refused >= 2 * WORKERS); /* a ring and an eventfd each, and the alarm */
    rv_still_fini(&still);
}

/* Goal: rings shrink until they fit, all of them; any other refusal is final at once. */
static void test_uring_create_shrinks_rings_to_fit(void **state)
{
    static const struct {
        unsigned most;
        int error;
        int rc;
        unsigned entries, calls;
    } rows[] = {
        {256, -ENOMEM, 0, 256, WORKERS},
        {200, -ENOMEM, 0, 128, 1 + WORKERS},
        {64, -ENOMEM, 0, 64, 2 + WORKERS},
        {32, -ENOMEM, -ENOMEM, 0, 27}, /* and eight times again */
        {200, -EPERM, -EPERM, 0, 1},
    };
    struct rv_test_usage before;
    (void)state;
    rv_test_usage_read(&before);
    for (size_t r = 0; r < RV_ARRAY_LEN(rows); r++) {
        struct rv_uring_io *all = NULL;
        open_runtime(WORKERS);
        most_entries = rows[r].most;
        ring_error = rows[r].error;
        assert_int_equal(rv_uring_create(&still.runtime, &all), rows[r].rc);
        most_entries = UINT32_MAX;
        assert_int_equal(ring_calls, rows[r].calls);
        for (unsigned i = 0; rows[r].rc == 0 && i < WORKERS; i++)
            assert_int_equal(all->rings[i].ring.sq_entries, rows[r].entries);
        if (rows[r].rc == 0)
            rv_uring_destroy(all);
        rv_still_fini(&still);
        rv_test_usage_check(&before);
    }
}

/* Goal: what closed rings give back late is waited for, where the limit has room for the new. */
static void test_uring_create_waits_for_memory(void **state)
{
    static const struct {
        bool is_forbidden;
        int rc;
        unsigned calls;
    } rows[] = {
        {false, 0, 5 + WORKERS}, /* all three sizes, then two of them */
        {true, -ENOMEM, 3},
    };
    struct rlimit limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    for (size_t r = 0; r < RV_ARRAY_LEN(rows); r++) {
        struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
        struct rv_uring_io *all = NULL;
        open_runtime(WORKERS);
        ring_error = -ENOMEM;
        refusals = 5;
        assert_int_equal(setrlimit(RLIMIT_MEMLOCK, rows[r].is_forbidden ? &none : &limit), 0);
        assert_int_equal(rv_uring_create(&still.runtime, &all), rows[r].rc);
        assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
        refusals = 0;
        assert_int_equal(ring_calls, rows[r].calls);
        if (rows[r].rc == 0)
            rv_uring_destroy(all);
        rv_still_fini(&still);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uring_create_makes_all_parts),
        cmocka_unit_test(test_uring_create_without_memory),
        cmocka_unit_test(test_uring_create_without_descriptors),
        cmocka_unit_test(test_uring_create_shrinks_rings_to_fit),
        cmocka_unit_test(test_uring_create_waits_for_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

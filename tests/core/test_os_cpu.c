// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_cpu.c: affinity and cgroup quotas, from a made-up tree of files.
 */
#include "core/os.h"

#include "core/atomic.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct tree {
    char root[64];
    char cgroup[128];
};

static void tree_init(struct tree *t, const char *cgroup_lines)
{
    FILE *file;

    (void)snprintf(t->root, sizeof(t->root), "/tmp/rove-test-cgroup-XXXXXX");
    assert_non_null(mkdtemp(t->root));
    (void)snprintf(t->cgroup, sizeof(t->cgroup), "%s/self", t->root);
    file = fopen(t->cgroup, "w");
    assert_non_null(file);
    assert_true(fputs(cgroup_lines, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Writes root/path, making the directories on the way. */
static void tree_write(const struct tree *t, const char *path, const char *text)
{
    char full[256];
    FILE *file;

    (void)snprintf(full, sizeof(full), "%s/%s", t->root, path);
    for (char *slash = full + strlen(t->root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void tree_fini(const struct tree *t)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", t->root);
    assert_int_equal(system(command), 0);
}

/* Goal: version 2: the group's quota, rounded up; "max" is no limit. */
static void test_os_cpu_v2_quota_is_rounded_up(void **state)
{
    struct tree t;

    (void)state;
    tree_init(&t, "0::/a/b\n");
    tree_write(&t, "a/b/cpu.max", "max 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 0);
    tree_write(&t, "a/b/cpu.max", "150000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 2);
    tree_write(&t, "a/b/cpu.max", "400000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 4);
    tree_write(&t, "a/b/cpu.max", "1000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 1);
    tree_fini(&t);
}

/* Goal: the smallest limit of all ancestors counts, the mount's root included. */
static void test_os_cpu_v2_ancestors_count(void **state)
{
    struct tree t;

    (void)state;
    tree_init(&t, "0::/a/b\n");
    tree_write(&t, "a/b/cpu.max", "800000 100000\n");
    tree_write(&t, "a/cpu.max", "300000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 3);
    tree_write(&t, "cpu.max", "200000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 2);
    tree_fini(&t);
}

/* Goal: in a container the group named may not exist below our mount: the root's limit is found. */
static void test_os_cpu_missing_group_falls_back_to_the_root(void **state)
{
    struct tree t;

    (void)state;
    tree_init(&t, "0::/not/here\n");
    tree_write(&t, "cpu.max", "500000 100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 5);
    tree_fini(&t);
}

/* Goal: version 1, among other controllers; -1 is no limit; the name cpuset is not cpu. */
static void test_os_cpu_v1_quota(void **state)
{
    struct tree t;

    (void)state;
    tree_init(&t, "5:cpuset:/x\n4:cpuacct,cpu:/job\n1:name=systemd:/y\n");
    tree_write(&t, "cpuset/x/cpu.cfs_quota_us", "100000");
    tree_write(&t, "cpuset/x/cpu.cfs_period_us", "100000");
    tree_write(&t, "cpuacct,cpu/job/cpu.cfs_quota_us", "-1\n");
    tree_write(&t, "cpuacct,cpu/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 0);
    tree_write(&t, "cpuacct,cpu/job/cpu.cfs_quota_us", "250000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 3);
    tree_fini(&t);
    tree_init(&t, "4:cpu,cpuacct:/job\n");
    tree_write(&t, "cpu/job/cpu.cfs_quota_us", "600000\n");
    tree_write(&t, "cpu/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 6);
    tree_fini(&t);
}

/* Goal: nonsense and absence mean no limit. */
static void test_os_cpu_unreadable_files_mean_no_limit(void **state)
{
    struct tree t;

    (void)state;
    assert_int_equal(rv_os_cgroup_cpus("/nonexistent", "/nonexistent"), 0);
    tree_init(&t, "nonsense\n::\n0::/\n7:cpu:/\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 0);
    tree_write(&t, "cpu.max", "what ever\n");
    assert_int_equal(rv_os_cgroup_cpus(t.cgroup, t.root), 0);
    tree_fini(&t);
}

/* Goal: the affinity mask bounds the count. */
static void test_os_cpu_count_follows_affinity(void **state)
{
    cpu_set_t all, one;
    unsigned before = rv_os_cpu_count();

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_in_range(before, 1, CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(rv_os_cpu_count(), 1);
    assert_true(CPU_ISSET(rv_os_current_cpu(), &one));
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static RV_ATOMIC(uint32_t) has_waited;

/* Runs beside others on one processor until each has had to wait for it. */
static void *take_turns(void *arg)
{
    RV_ATOMIC(int64_t) *least_used_ns = arg;
    struct rv_os_turns first, now = {0, 0};
    int fd = rv_os_turns_open();

    if (fd >= 0 && rv_os_turns_read(fd, &first)) {
        do {
            for (int i = 0; i < 1000; i++)
                rv_cpu_relax();
            if (!rv_os_turns_read(fd, &now))
                break;
        } while (now.waited_ns == first.waited_ns && rv_load_relaxed(&has_waited) < 2);
        if (now.used_ns > first.used_ns && rv_os_turns_used_by(rv_os_gettid()) >= now.used_ns)
            rv_store_relaxed(least_used_ns, now.used_ns);
        rv_fetch_add_relaxed(&has_waited, now.waited_ns > first.waited_ns);
    }
    if (fd >= 0)
        rv_os_turns_close(fd);
    return NULL;
}

/* Goal: the kernel tells a thread how long it ran and how long it had to wait for a processor. */
static void test_os_cpu_turns_are_told(void **state)
{
    cpu_set_t all, one;
    pthread_t threads[2];
    RV_ATOMIC(int64_t) used_ns[2];
    struct rv_os_turns turns;
    int fd = rv_os_turns_open();

    (void)state;
    if (fd < 0 || !rv_os_turns_read(fd, &turns))
        skip(); /* a kernel that does not count */
    rv_os_turns_close(fd);
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    CPU_SET(rv_os_current_cpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    for (int i = 0; i < 2; i++) {
        rv_store_relaxed(&used_ns[i], 0);
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, &used_ns[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(rv_load_relaxed(&used_ns[i]) > 0);
    }
    assert_true(rv_load_relaxed(&has_waited) > 0);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* Goal: a kernel that does not count, a file that says something else, a thread that is not there:
 * nothing is told. */
static void test_os_cpu_turns_may_be_unknown(void **state)
{
    static const char *const texts[] = {"0 0 0\n", "12\n", "", "what ever\n"};
    struct rv_os_turns turns;

    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(texts); i++) {
        int fd = memfd_create("turns", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        assert_false(rv_os_turns_read(fd, &turns));
        rv_os_turns_close(fd);
        assert_false(rv_os_turns_read(fd, &turns));
    }
    assert_true(rv_os_turns_used_by((1 << 28) - 1) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_cpu_v2_quota_is_rounded_up),
        cmocka_unit_test(test_os_cpu_v2_ancestors_count),
        cmocka_unit_test(test_os_cpu_missing_group_falls_back_to_the_root),
        cmocka_unit_test(test_os_cpu_v1_quota),
        cmocka_unit_test(test_os_cpu_unreadable_files_mean_no_limit),
        cmocka_unit_test(test_os_cpu_count_follows_affinity),
        cmocka_unit_test(test_os_cpu_turns_are_told),
        cmocka_unit_test(test_os_cpu_turns_may_be_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

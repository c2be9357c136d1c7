// SPDX-License-Identifier: MIT
/*
 * Purpose: see fixture.h.
 * Idea:    failures are counted in one process-wide word, printed at once with write(2): a task's
 *          stack is small and stdio wants kilobytes of it.
 * Threads: rv_test_expect* anywhere; the rest on the main thread.
 */
#include "support/fixture.h"

#include "core/atomic.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static RV_ATOMIC(unsigned) failures;

/* The C library's own books vary with the threads that come and go, up and down; a leak is in each
 * run. Arbitrary. */
enum { LEAK_RUNS = 8 };

/* Enough turns for a loaded machine to finish closing rings and threads; arbitrary. */
enum { SETTLE_TURNS = 200000, MESSAGE_BYTES = 480 };

/* The field of /proc/PID/stat, counted from 1, and the kernel's mark in it of who has begun to
 * exit: set before pthread_join can return. */
enum { STAT_FLAGS = 9, PF_EXITING = 4 };

RV_PRINTF(3, 4)
static bool report(const char *file, int line, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    int n = snprintf(text, sizeof text, "%s:%d: ", file, line);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    va_list values;
    va_start(values, format);
    n = vsnprintf(text + used, sizeof text - used, format, values);
    va_end(values);
    used += n < 0 ? 0 : (size_t)n;
    if (used > sizeof text - 1)
        used = sizeof text - 1;
    text[used] = '\n'; /* in place of the terminator: write(2) needs none */
    ssize_t written = write(STDERR_FILENO, text, used + 1);
    (void)written; /* there is no better place to complain to */
    (void)rv_fetch_add_relaxed(&failures, 1u);
    return false;
}

bool rv_test_expect(const char *file, int line, const char *what, bool holds)
{
    return holds || report(file, line, "expected: %s", what);
}

bool rv_test_expect_eq(const char *file, int line, const char *what, const char *other,
                       long long actual, long long expected)
{
    if (actual == expected)
        return true;
    return report(file, line, "%s is %lld (%s), expected %s = %lld", what, actual,
                  actual < 0 && actual >= INT32_MIN ? rove_strerror((int)actual) : "a number",
                  other, expected);
}

bool rv_test_expect_ptr(const char *file, int line, const char *what, const char *other,
                        const void *actual, const void *expected)
{
    return actual == expected ||
           report(file, line, "%s is %p, expected %s = %p", what, actual, other, expected);
}

bool rv_test_expect_str(const char *file, int line, const char *what, const char *other,
                        const char *actual, const char *expected)
{
    if (actual == NULL || expected == NULL)
        return actual == expected || report(file, line, "%s or %s is NULL", what, other);
    return strcmp(actual, expected) == 0 ||
           report(file, line, "%s is \"%s\", expected %s = \"%s\"", what, actual, other, expected);
}

void rv_test_settle(void)
{
    unsigned count = rv_exchange_relaxed(&failures, 0u);
    if (count > 0)
        fail_msg("%u expectation(s) failed, see above", count);
}

/* The directory itself is open while it is counted, the same in each count. */
static long count_entries(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    long count = 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* A thread that has been joined is listed until the kernel has done with it; it is no leak. What
 * cannot be read is one that has gone. */
static bool is_exiting(const char *tid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/self/task/%.16s/stat", tid);
    FILE *file = fopen(path, "re");
    size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[n] = '\0';
    const char *at = strrchr(text, ')'); /* the end of field 2, the name */
    for (int field = 2; at != NULL && field < STAT_FLAGS; field++)
        at = strchr(at + 1, ' ');
    return at == NULL || (strtoul(at, NULL, 10) & PF_EXITING) != 0;
}

static long count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    long count = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.' && !is_exiting(entry->d_name);
    closedir(dir);
    return count;
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* ThreadSanitizer starts a thread of its own with our first one, and keeps it. */
static void start_sanitizer_thread(void)
{
    static bool is_started;
    pthread_t thread;
    if (RV_TSAN && !is_started && pthread_create(&thread, NULL, do_nothing, NULL) == 0) {
        pthread_join(thread, NULL);
        is_started = true;
    }
}

void rv_test_usage_read(struct rv_test_usage *usage)
{
    start_sanitizer_thread();
    usage->descriptors = count_entries("/proc/self/fd");
    usage->threads = count_threads();
    usage->bytes = RV_ASAN || RV_TSAN ? 0 : mallinfo2().uordblks;
}

void rv_test_usage_check(const struct rv_test_usage *before)
{
    struct rv_test_usage now;
    /* A ring and its helper threads leave a moment after their last user: what is awaited is that
     * event, and the bound only keeps a failure from hanging. */
    for (int turn = 0; turn < SETTLE_TURNS; turn++) {
        rv_test_usage_read(&now);
        if (now.threads <= before->threads && now.descriptors <= before->descriptors)
            break;
        sched_yield();
    }
    assert_int_equal(now.descriptors, before->descriptors);
    assert_int_equal(now.threads, before->threads);
}

static size_t run_once(const rove_options *options, rove_coro *body, void *arg)
{
    struct rv_test_usage before;
    struct rv_test_usage after;
    rv_test_usage_read(&before);
    int rc = rove_run_with(options, body, arg, NULL);
    rv_test_settle();
    if (rc != 0)
        fail_msg("with %u workers the body returned %d: %s", options->workers, rc,
                 rove_strerror(rc));
    rv_test_usage_check(&before);
    rv_test_usage_read(&after);
    return after.bytes > before.bytes ? after.bytes - before.bytes : 0;
}

void rv_test_run_with(const rove_options *options, rove_coro *body, void *arg)
{
    size_t left = 1;
    for (int runs = 0; left > 0 && runs < LEAK_RUNS; runs++)
        left = run_once(options, body, arg);
    if (left > 0)
        fail_msg("with %u workers each of %d runs leaves bytes on the heap, the last %zu",
                 options->workers, LEAK_RUNS, left);
}

void rv_test_run_on(unsigned workers, rove_coro *body, void *arg)
{
    rv_test_run_with(&(rove_options){.workers = workers}, body, arg);
}

void rv_test_run(rove_coro *body, void *arg)
{
    RV_FOR_EACH_WORKERS(workers)
    rv_test_run_on(workers, body, arg);
}

/* RV_TEST_WORKERS=n: just n. ctest runs api/ once more so, with far more workers than CPUs. */
static unsigned only_workers(void)
{
    const char *text = getenv("RV_TEST_WORKERS");
    return text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
}

unsigned rv_test_next_workers(unsigned workers)
{
    static const unsigned counts[] = {1, 2, 3, 8, 0};
    unsigned only = only_workers();
    size_t i = 0;
    if (only != 0)
        return workers == 0 ? only : 0;
    if (workers == 0)
        return counts[0];
    while (counts[i] != workers && counts[i] != 0)
        i++;
    return counts[i] == 0 ? 0 : counts[i + 1];
}

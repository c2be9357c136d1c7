// SPDX-License-Identifier: MIT
/* Purpose: the cost of a lock and unlock that many tasks want. */
#include "mutex/config.h"

#include "harness/rove_main.h"

static rove_mutex mutex;
static long counter, each;

static int locker(void *arg, void **result)
{
    (void)arg, (void)result;
    for (long i = 0; i < each; i++) {
        rove_mutex_lock(&mutex);
        counter++;
        rove_mutex_unlock(&mutex);
    }
    return 0;
}

static int64_t pass(rove_task **tasks, long n, long locks)
{
    counter = 0;
    each = locks / n;
    int64_t begin = bench_now_ns();
    for (long i = 0; i < n; i++) {
        tasks[i] = rove_create_task(locker, NULL);
        bench_check(tasks[i] != NULL, "no task");
    }
    for (long i = 0; i < n; i++) {
        rove_join(tasks[i], NULL);
    }
    int64_t end = bench_now_ns();
    bench_check(counter == each * n, "a lock that does not exclude");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    long n = bench_param("TASKS", TASKS), locks = bench_param("LOCKS", LOCKS);
    rove_task **tasks = bench_alloc((size_t)n, sizeof *tasks);
    pass(tasks, n, locks / 10 + n);
    int64_t ns = pass(tasks, n, locks); /* sets each */
    bench_report_each("plain", "ns/lock", ns, each * n);
    free(tasks);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}

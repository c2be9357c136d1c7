// SPDX-License-Identifier: MIT
/* Purpose: how late ticking tasks wake while another hogs a worker. */
#include "mixed/config.h"

#include "harness/rove_main.h"

static long hog_ns, ticks;

static int hog(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = 0;
    while (rc == 0) {
        rove_time end = rove_now() + hog_ns;
        while (rove_now() < end) {
        }
        rc = rove_yield();
    }
    return rc;
}

static int ticker(void *arg, void **result)
{
    int64_t *late = arg;
    rove_duration tick = ROVE_US(bench_param("TICK_US", TICK_US));
    (void)result;
    for (long i = 0; i < ticks; i++) {
        rove_time due = rove_now() + tick;
        rove_sleep_until(due);
        late[i] = rove_now() - due;
        bench_check(late[i] >= 0, "a timer was early");
    }
    return 0;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    hog_ns = bench_param("HOG_MS", HOG_MS) * 1000000;
    ticks = bench_param("TICKS", TICKS);
    size_t tickers = (size_t)bench_param("TICKERS", TICKERS);
    int64_t *late = bench_alloc(tickers * (size_t)ticks, sizeof *late);
    rove_task **tasks = bench_alloc(tickers, sizeof *tasks);
    rove_task *busy = rove_create_task(hog, NULL);
    for (size_t i = 0; i < tickers; i++) {
        tasks[i] = rove_create_task(ticker, late + i * (size_t)ticks);
    }
    for (size_t i = 0; i < tickers; i++) {
        rove_join(tasks[i], NULL);
    }
    rove_cancel(busy);
    rove_join(busy, NULL);
    bench_report_spread("late", late, tickers * (size_t)ticks);
    free(tasks);
    free(late);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}

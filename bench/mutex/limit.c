// SPDX-License-Identifier: MIT
/* Purpose: the floor of a lock: as many threads as workers and a three-state futex lock (free,
 * held, held and somebody sleeps), which has no order of waiters to keep. */
#include "mutex/config.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/bench.h"
#include "harness/limit.h"

enum { FREE, HELD, CONTENDED };

static _Alignas(64) _Atomic uint32_t word;
static _Alignas(64) long counter;

static void lock(void)
{
    uint32_t seen = FREE;
    if (atomic_compare_exchange_strong_explicit(&word, &seen, HELD, memory_order_acquire,
                                                memory_order_relaxed)) {
        return;
    }
    while (atomic_exchange_explicit(&word, CONTENDED, memory_order_acquire) != FREE) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, CONTENDED, NULL, NULL, 0);
    }
}

static void unlock(void)
{
    if (atomic_exchange_explicit(&word, FREE, memory_order_release) == CONTENDED) {
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void part(void *arg, unsigned i)
{
    long n = *(long *)arg;
    (void)i;
    for (long k = 0; k < n; k++) {
        lock();
        counter++;
        unlock();
    }
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    long workers = (long)bench_workers();
    long each = bench_param("LOCKS", LOCKS) / workers, warm = each / 10 + 1;
    limit_threads_run(part, &warm);
    int64_t ns = limit_threads_run(part, &each);
    bench_check(counter == (each + warm) * workers, "a lock that does not exclude");
    bench_report_each("plain", "ns/lock", ns, each * workers);
    return EXIT_SUCCESS;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: what the steps cost that rove-cores has prices for, on the machine it runs on.
 *
 *     rove-cores-probe [CPU_A CPU_B]       prints lines: option of rove-cores, nanoseconds
 *
 * Idea:    each is repeated in rounds; the smallest round counts, since whatever else runs only
 *          adds; of wake-ups the middle. The machine has to be idle: a barrier is too cheap where
 *          the other thread is not running. --hit is no step: it is what makes one simulated core
 *          as fast as a real one (docs/many-cores.md).
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 100, STEPS = 1000, HANDS = 200, CALLS = 10, ASLEEP_NS = 200000, PATIENCE = 10000, LINES = 1 << 20 };

static _Alignas(128) _Atomic uint32_t ball;
static _Alignas(128) _Atomic uint32_t word;
static _Alignas(128) _Atomic uint32_t role; /* what the other thread does: see other() */
static _Atomic int64_t back_ns;
static int cpus[2] = {0, 1};
static int event_fd;

enum { PLAY_LINE = 1, PLAY_WAKE, SPIN, END };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void print(const char *option, double ns)
{
    printf("--%-10s %8.1f\n", option, ns);
    fflush(stdout);
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
        fprintf(stderr, "rove-cores-probe: no processor %d\n", cpu);
        exit(EXIT_FAILURE);
    }
}

static void wait_on(_Atomic uint32_t *at, uint32_t value)
{
    syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_on(_Atomic uint32_t *at)
{
    syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Waits for even (0) or odd (1) counts and adds one. */
static void play_line(uint32_t side)
{
    for (uint32_t i = 0; i < HANDS; i++) {
        unsigned turns = 0;
        while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * i + side) {
            if (++turns % PATIENCE == 0) {
                sched_yield(); /* the other may not be running */
            }
        }
        atomic_store_explicit(&ball, 2 * i + side + 1, memory_order_release);
    }
}

/* Sleeps once; says when it was back. */
static void sleep_once(void)
{
    while (atomic_load(&word) == 0) {
        wait_on(&word, 0);
    }
    atomic_store(&back_ns, now_ns());
}

static void *other(void *arg)
{
    (void)arg;
    pin(cpus[1]);
    for (;;) {
        uint32_t now = atomic_load(&role);
        if (now == PLAY_LINE) {
            play_line(1);
        } else if (now == PLAY_WAKE) {
            sleep_once();
        } else if (now == END) {
            return NULL;
        }
        if (now == PLAY_LINE || now == PLAY_WAKE) {
            atomic_store(&role, 0);
        } else if (now == 0) {
            sched_yield();
        }
    }
}

/* When the other is through with what it does. */
static void ask(uint32_t what)
{
    while (atomic_load(&role) != 0 && atomic_load(&role) != SPIN) {
        sched_yield();
    }
    atomic_store(&ball, 0);
    atomic_store(&word, 0);
    atomic_store(&role, what);
}

static void round_line(void)
{
    ask(PLAY_LINE);
    play_line(0);
}

/* From the call that wakes to the sleeper's return; *call_ns: the call alone. */
static int64_t wake_one(int64_t *call_ns)
{
    ask(PLAY_WAKE);
    for (int64_t begin = now_ns(); now_ns() - begin < ASLEEP_NS;) {
        sched_yield(); /* by then it sleeps; if not, the next try counts */
    }
    atomic_store(&back_ns, 0);
    atomic_store(&word, 1);
    int64_t begin = now_ns();
    wake_on(&word);
    *call_ns = now_ns() - begin;
    while (atomic_load(&back_ns) == 0) {
        sched_yield();
    }
    return atomic_load(&back_ns) - begin;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Here the middle counts: the smallest is that of a thread that did not sleep yet. */
static void measure_wakes(void)
{
    static int64_t calls[ROUNDS], backs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        backs[i] = wake_one(&calls[i]);
    }
    qsort(calls, ROUNDS, sizeof(calls[0]), compare);
    qsort(backs, ROUNDS, sizeof(backs[0]), compare);
    print("wake-call", (double)calls[ROUNDS / 2]);
    print("wake", (double)(backs[ROUNDS / 2] - calls[ROUNDS / 2]));
}

static void round_update(void)
{
    for (int i = 0; i < STEPS; i++) {
        atomic_fetch_add_explicit(&ball, 1, memory_order_relaxed);
    }
}

static void round_fence(void)
{
    for (int i = 0; i < STEPS; i++) {
        atomic_store_explicit(&ball, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
    }
}

static void round_spin(void)
{
    for (int i = 0; i < STEPS; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#else
        atomic_signal_fence(memory_order_seq_cst);
#endif
    }
}

static void round_clock(void)
{
    for (int i = 0; i < STEPS; i++) {
        now_ns();
    }
}

static void round_call(void)
{
    for (int i = 0; i < STEPS; i++) {
        uint64_t one = 1;
        if (write(event_fd, &one, sizeof(one)) != sizeof(one)) {
            exit(EXIT_FAILURE);
        }
    }
}

static void round_barrier(void)
{
    for (int i = 0; i < CALLS; i++) {
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
}

/* Loads that depend on each other, each from a line that no cache has. */
static void round_cold(void)
{
    static struct { _Alignas(64) uint32_t next; } *lines;
    static uint32_t at;
    if (lines == NULL) {
        lines = aligned_alloc(64, sizeof(*lines) * LINES);
        for (uint32_t i = 0; lines != NULL && i < LINES; i++) {
            lines[i].next = (i * 1103515245u + 12345u) % LINES; /* one cycle: Hull and Dobell */
        }
    }
    for (int i = 0; lines != NULL && i < STEPS; i++) {
        at = lines[at].next;
    }
    atomic_store_explicit(&ball, at, memory_order_relaxed);
}

static double smallest(void (*round)(void), int steps)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = now_ns();
        round();
        int64_t took = now_ns() - begin;
        best = took < best ? took : best;
    }
    return (double)best / steps;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    for (int i = 0; i < 2 && i + 1 < argc; i++) {
        cpus[i] = atoi(argv[i + 1]);
    }
    pin(cpus[0]);
    event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    double update = smallest(round_update, STEPS);
    print("update", update);
    print("fence", smallest(round_fence, STEPS));
    print("spin", smallest(round_spin, STEPS));
    print("clock", smallest(round_clock, STEPS));
    print("call", smallest(round_call, STEPS));
    print("cold", smallest(round_cold, STEPS));
    if (pthread_create(&thread, NULL, other, NULL) != 0) {
        return EXIT_FAILURE;
    }
    print("line", smallest(round_line, 2 * HANDS));
    measure_wakes();
    ask(SPIN);
    print("barrier", smallest(round_barrier, CALLS));
    ask(END);
    pthread_join(thread, NULL);
    return EXIT_SUCCESS;
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: no wake-up is lost, in as many rounds as one has time for.
 *
 *     stress_wake [ROUNDS [WORKERS [SEED]]]        100000 rounds each on 1, 2, 8 and 64 workers
 *
 * Idea: a few tokens go from seat to seat. A seat is a task (one in two stays on its worker) or a
 * thread that is no worker, and waits for a token with nothing else to do; who gets one computes
 * for a random while, or none, and hands it to a random seat. So workers and threads are always
 * about to sleep, or about to be woken out of it: in the ring or epoll, by the eventfd, in futexes.
 * Each hand-over is a round of a park and a wake-up. A lost one stops its token for ever; tokens
 * are collected every few thousand rounds, when nothing else is awake to cover for it. SIGALRM
 * says where that was: minutes after a batch that takes milliseconds.
 * Threads: workers, OUTSIDERS, and the main one.
 */
#include <rove.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    OUTSIDERS = 2, SEATS_MAX = 64, TOKENS_MAX = 3, BATCH = 4000, SPIN_MAX = 3000,
    STUCK_SECONDS = 300
};

struct seat {
    _Alignas(128) rove_semaphore tokens;
    uint64_t random; /* its holder's */
};

static struct {
    struct seat seats[SEATS_MAX + OUTSIDERS];
    unsigned count; /* tasks first, then outsiders */
    rove_semaphore home;
    _Alignas(128) _Atomic int64_t left; /* rounds of this batch */
    _Atomic bool is_over;
    uint64_t random;
    int64_t rounds, done;
    unsigned workers;
    rove_metrics metrics;
} stress;

static void require(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "stress_wake: %s\n", what);
        abort();
    }
}

/* xorshift64 */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly nothing: the next may be anywhere between its look and its sleep. */
static void compute(uint64_t *random)
{
    uint64_t turns = draw(random) % 4 == 0 ? draw(random) % SPIN_MAX : 0;
    for (volatile uint64_t i = 0; i < turns; i++) {
    }
}

static void hand_over(struct seat *seat)
{
    compute(&seat->random);
    if (atomic_fetch_sub(&stress.left, 1) <= 0) {
        rove_semaphore_release(&stress.home);
        return;
    }
    /* Half of them leave the workers, or do not come back yet. */
    uint64_t tasks = stress.count - OUTSIDERS;
    uint64_t n = draw(&seat->random);
    uint64_t to = n % 2 == 0 ? tasks + n / 2 % OUTSIDERS : n / 2 % tasks;
    rove_semaphore_release(&stress.seats[to].tokens);
}

static int sit(void *arg, void **result)
{
    struct seat *seat = arg;
    (void)result;
    while (rove_semaphore_acquire(&seat->tokens) == 0 && !atomic_load(&stress.is_over)) {
        if (draw(&seat->random) % 16 == 0) {
            require(rove_yield() == 0, "a yield failed");
        }
        hand_over(seat);
    }
    return 0;
}

static void *sit_outside(void *arg)
{
    struct seat *seat = arg;
    while (rove_semaphore_acquire_blocking(&seat->tokens, ROVE_FOREVER) == 0 &&
           !atomic_load(&stress.is_over)) {
        hand_over(seat);
    }
    return NULL;
}

static void run_batch(int64_t rounds)
{
    unsigned tokens = 1 + (unsigned)(draw(&stress.random) % TOKENS_MAX);
    (void)alarm(STUCK_SECONDS);
    atomic_store(&stress.left, rounds);
    for (unsigned i = 0; i < tokens; i++) {
        rove_semaphore_release(&stress.seats[draw(&stress.random) % stress.count].tokens);
    }
    for (unsigned i = 0; i < tokens; i++) {
        require(rove_semaphore_acquire(&stress.home) == 0, "a wait failed");
    }
    stress.done += rounds;
}

static int conduct(void *arg, void **result)
{
    rove_task *tasks[SEATS_MAX];
    pthread_t threads[OUTSIDERS];
    unsigned n = stress.count - OUTSIDERS;
    (void)arg, (void)result;
    for (unsigned i = 0; i < n; i++) {
        const rove_task_options options = {.pinned = i % 2 == 0, .eager = i % 3 == 0};
        tasks[i] = rove_create_task_with(&options, sit, &stress.seats[i]);
        require(tasks[i] != NULL, "no task");
    }
    for (unsigned i = 0; i < OUTSIDERS; i++) {
        require(pthread_create(&threads[i], NULL, sit_outside, &stress.seats[n + i]) == 0,
                "no thread");
    }
    while (stress.done < stress.rounds) {
        int64_t left = stress.rounds - stress.done;
        run_batch(left < BATCH ? left : BATCH);
    }
    require(rove_metrics_read(rove_current_runtime(), &stress.metrics) == 0, "no metrics");
    atomic_store(&stress.is_over, true);
    for (unsigned i = 0; i < stress.count; i++) {
        rove_semaphore_release(&stress.seats[i].tokens);
    }
    for (unsigned i = 0; i < n; i++) {
        require(rove_join(tasks[i], NULL) == 0, "a seat failed");
    }
    for (unsigned i = 0; i < OUTSIDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}

static void on_alarm(int sig)
{
    char text[160];
    (void)sig;
    int n = snprintf(text, sizeof text,
                     "stress_wake: lost wake-up: %u workers, batch after round %" PRId64
                     ", %" PRId64 " left in it\n", stress.workers, stress.done,
                     atomic_load(&stress.left));
    if (write(STDERR_FILENO, text, (size_t)n) == n) {
        abort();
    }
    _exit(EXIT_FAILURE);
}

static void run(unsigned workers, int64_t rounds, uint64_t seed)
{
    stress.workers = workers;
    stress.count = (2 * workers < SEATS_MAX ? 2 * workers : SEATS_MAX) + OUTSIDERS;
    stress.rounds = rounds;
    stress.done = 0;
    stress.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    atomic_store(&stress.is_over, false);
    rove_semaphore_init(&stress.home, 0, 0);
    for (unsigned i = 0; i < stress.count; i++) {
        rove_semaphore_init(&stress.seats[i].tokens, 0, 0);
        stress.seats[i].random = draw(&stress.random) | 1;
    }
    int rc = rove_run_with(&(rove_options){.workers = workers}, conduct, NULL, NULL);
    (void)alarm(0);
    require(rc == 0, "the run failed");
    require(stress.metrics.parks > 0 && stress.metrics.wakeups > 0, "nobody ever slept");
    printf("workers %2u: %" PRId64 " rounds, workers slept %" PRIu64 " times, woken %" PRIu64
           ", no wake-up lost\n", workers, rounds, stress.metrics.parks, stress.metrics.wakeups);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const unsigned counts[] = {1, 2, 8, 64};
    int64_t rounds = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
    unsigned workers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    (void)signal(SIGALRM, on_alarm);
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (workers == 0 || workers == counts[i]) {
            run(counts[i], rounds, seed);
        }
    }
    return EXIT_SUCCESS;
}

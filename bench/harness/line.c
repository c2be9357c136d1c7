// SPDX-License-Identifier: MIT
/*
 * Purpose: how far apart two processors are: the time of a cache line from one to the other.
 * Idea:    on a virtual machine the host moves the processors; a line takes 55 ns while they share
 *          a cache and 300 when they do not, and whatever two threads do together slows with it.
 *          So bench/run asks before and after each measurement. Two threads, one on each processor,
 *          hand a counter to and fro; the smallest of several rounds is the answer, since anything
 *          else that runs only adds.
 *
 *     line CPU_A CPU_B        prints nanoseconds one way
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 8, HANDS = 1000 };

static _Alignas(128) _Atomic unsigned ball;

static void pin(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
        fputs("line: no such processor\n", stderr);
        exit(EXIT_FAILURE);
    }
}

/* Wait for even (0) or odd (1) counts and add one, HANDS times each round. */
static void play(unsigned side, int64_t *smallest)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (unsigned i = 0; i < HANDS; i++) {
            unsigned mine = 2 * (round * HANDS + i) + side;
            while (atomic_load_explicit(&ball, memory_order_acquire) != mine) {
            }
            atomic_store_explicit(&ball, mine + 1, memory_order_release);
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        int64_t ns = (int64_t)(b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
        if (smallest && (*smallest == 0 || ns < *smallest)) {
            *smallest = ns;
        }
    }
}

static void *other(void *arg)
{
    pin(*(unsigned *)arg);
    play(1, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int64_t smallest = 0;
    unsigned cpu = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    pin(argc > 1 ? (unsigned)atoi(argv[1]) : 0);
    if (pthread_create(&thread, NULL, other, &cpu) != 0) {
        return EXIT_FAILURE;
    }
    play(0, &smallest);
    pthread_join(thread, NULL);
    printf("%.1f\n", (double)smallest / (2.0 * HANDS));
    return EXIT_SUCCESS;
}

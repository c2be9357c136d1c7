// SPDX-License-Identifier: MIT
/*
 * Purpose: per-thread state of the server, found without a lock.
 *
 * Threads: the list of all locals only ever grows while the server runs, by compare-and-swap.
 */
#include "local.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPARE_MAX = 64 }; /* arbitrary: 2 MiB a thread at the most */

static _Thread_local struct http_local *this_thread;
static struct http_local *_Atomic all_threads;

static struct http_local *local_create(void)
{
    struct http_local *local = calloc(1, sizeof *local);
    if (!local) {
        return NULL;
    }
    local->date_ms = INT64_MIN / 2;
    local->next = atomic_load_explicit(&all_threads, memory_order_relaxed);
    /* order: release. The zeroed counters before the pointer; pairs with http_local_totals. */
    while (!atomic_compare_exchange_weak_explicit(&all_threads, &local->next, local,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    this_thread = local;
    return local;
}

/* Not inlined, and opaque to the optimiser: a compiler would otherwise compute the address of the
 * thread's variable once and use it again after the task has moved to another thread. */
__attribute__((noinline)) struct http_local *http_local(void)
{
    __asm__ volatile("" ::: "memory");
    struct http_local *local = this_thread;
    return local ? local : local_create();
}

struct http_buffer *http_buffer_take(struct http_local *local)
{
    struct http_buffer *buffer = local->spare;
    if (!buffer) {
        return malloc(sizeof *buffer);
    }
    local->spare = buffer->next;
    local->spare_count--;
    return buffer;
}

void http_buffer_give(struct http_local *local, struct http_buffer *buffer)
{
    if (!local || local->spare_count == SPARE_MAX) {
        free(buffer);
        return;
    }
    buffer->next = local->spare;
    local->spare = buffer;
    local->spare_count++;
}

static char *two_digits(char *at, int n)
{
    at[0] = (char)('0' + n / 10);
    at[1] = (char)('0' + n % 10);
    return at + 2;
}

/* By hand: strftime's names depend on the locale, HTTP's do not. */
static void date_render(char out[HTTP_DATE_BYTES], time_t seconds)
{
    struct tm t;
    gmtime_r(&seconds, &t);
    memcpy(out, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", HTTP_DATE_BYTES);
    memcpy(out + 6, &"SunMonTueWedThuFriSat"[3 * t.tm_wday], 3);
    two_digits(out + 11, t.tm_mday);
    memcpy(out + 14, &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * t.tm_mon], 3);
    two_digits(two_digits(out + 18, (t.tm_year + 1900) / 100), t.tm_year % 100);
    two_digits(out + 23, t.tm_hour);
    two_digits(out + 26, t.tm_min);
    two_digits(out + 29, t.tm_sec);
}

int64_t http_local_tick(struct http_local *local)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (local && now_ms - local->date_ms >= 250) {
        local->date_ms = now_ms;
        clock_gettime(CLOCK_REALTIME, &now);
        if (now.tv_sec != local->date_s) {
            local->date_s = now.tv_sec;
            date_render(local->date, now.tv_sec);
        }
    }
    return now_ms;
}

void http_local_totals(uint64_t totals[HTTP_COUNTERS])
{
    memset(totals, 0, HTTP_COUNTERS * sizeof *totals);
    /* order: acquire. The counters behind each pointer; pairs with local_create. */
    struct http_local *local = atomic_load_explicit(&all_threads, memory_order_acquire);
    for (; local; local = local->next) {
        for (size_t i = 0; i < HTTP_COUNTERS; i++) {
            totals[i] += atomic_load_explicit(&local->counters[i], memory_order_relaxed);
        }
    }
}

void http_local_fini(void)
{
    struct http_local *local = atomic_load_explicit(&all_threads, memory_order_relaxed);
    while (local) {
        struct http_local *next = local->next;
        while (local->spare) {
            struct http_buffer *buffer = local->spare;
            local->spare = buffer->next;
            free(buffer);
        }
        free(local);
        local = next;
    }
    atomic_store_explicit(&all_threads, NULL, memory_order_relaxed);
    this_thread = NULL;
}

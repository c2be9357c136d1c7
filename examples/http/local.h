// SPDX-License-Identifier: MIT
/*
 * Purpose: what every thread of the server keeps for itself: spare buffers, today's Date line,
 * counters.
 *
 * Idea: a task owns its thread only until it suspends. So a buffer is taken from whatever thread
 * the task runs on and given back to whatever thread it runs on then, and nothing needs a lock. An
 * idle connection holds no buffer; with one request in flight a thread uses the same hot one all
 * the time.
 *
 * Threads: http_local() is the calling thread's; forget the pointer before anything that may
 * suspend. Counters are written by their thread only and read by all.
 */
#ifndef HTTP_LOCAL_H
#define HTTP_LOCAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_BUFFER_BYTES = 32 * 1024, /* arbitrary; holds four heads of the largest size */
    HTTP_DATE_BYTES = sizeof "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" - 1,
};

struct http_buffer {
    union {
        struct http_buffer *next;     /* while it is spare */
        char data[HTTP_BUFFER_BYTES]; /* while it is taken */
    };
};

enum http_counter {
    HTTP_COUNT_CONNECTIONS,
    HTTP_COUNT_REQUESTS,
    HTTP_COUNT_REFUSED, /* answered with 4xx or 5xx */
    HTTP_COUNT_TIMEOUTS,
    HTTP_COUNT_BATCHES, /* sends: requests / batches is what pipelining saves */
    HTTP_COUNT_SENT_BYTES,
    HTTP_COUNTERS,
};

struct http_local {
    struct http_buffer *spare;
    unsigned spare_count;
    int64_t date_ms; /* when the line below was last looked at, coarse monotonic */
    int64_t date_s;  /* which second of real time it shows */
    char date[HTTP_DATE_BYTES];
    _Atomic uint64_t counters[HTTP_COUNTERS];
    struct http_local *next; /* in the list of all; constant once published */
};

/* The calling thread's; NULL only when memory ran out on a thread's very first call. */
struct http_local *http_local(void);

/* NULL when memory is exhausted. */
struct http_buffer *http_buffer_take(struct http_local *local);
void http_buffer_give(struct http_local *local, struct http_buffer *buffer);

/* Milliseconds of a coarse monotonic clock (about 5 ns a call; ticks every 1 to 4 ms). Renews the
 * Date line if a quarter of a second has passed, so a Date is at most that much older than its
 * response. */
int64_t http_local_tick(struct http_local *local);

static inline void http_local_count(struct http_local *local, enum http_counter which, uint64_t n)
{
    if (!local) {
        return; /* no memory for a block of this thread's own: it is not counted */
    }
    uint64_t old = atomic_load_explicit(&local->counters[which], memory_order_relaxed);
    atomic_store_explicit(&local->counters[which], old + n, memory_order_relaxed);
}

/* Sums over all threads; exact when nobody counts any more. */
void http_local_totals(uint64_t totals[HTTP_COUNTERS]);

/* When the runtime is gone: frees everything. */
void http_local_fini(void);

#endif

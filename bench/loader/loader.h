// SPDX-License-Identifier: MIT
/*
 * Purpose: what the parts of the loader share: its settings, connections, and the traffic on them.
 * Idea:    the messages of a connection are numbered. What the mode asks for is `asked`; traffic.c
 *          sends up to there, compares every byte that comes back, and calls loader_answered for
 *          each whole answer. An echo's message follows from the numbers of connection and message,
 *          so nothing has to be remembered to check it.
 * Threads: one, which never sleeps while it measures: a loader that does makes the server pay for
 *          waking it.
 */
#ifndef BENCH_LOADER_LOADER_H
#define BENCH_LOADER_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "loader/histogram.h"

#define LOADER_NS_PER_S 1000000000LL

enum { LOADER_WARM_NS = 100000000, LOADER_MAX_DEPTH = 256 };

struct settings {
    const char *mode;
    uint16_t port;
    size_t connections, bytes; /* bytes of a message; 0: HTTP requests */
    double seconds;
    uint64_t depth, rate, messages;
    const char *pids; /* of the server, with commas between; NULL: not watched */
};

struct connection {
    int fd;
    uint64_t id;
    uint64_t asked, sending, answered; /* message numbers: sent up to `sending` */
    size_t sent, got;                  /* bytes of the messages `sending` and `answered` */
    int64_t *began;                    /* closed mode: when message i was asked, at i % depth */
    int64_t opened;
};

/* What a mode does when a whole right answer has come; `loader_now` is when. */
typedef void loader_answered(struct connection *c);

extern struct settings loader_settings;
extern struct histogram loader_latencies;
extern int64_t loader_now;

int64_t loader_clock(void);
_Noreturn void loader_die(const char *what);

/* traffic.c */
void traffic_init(void);
/* A connection to the server, blocking or not; source > 0 picks another address of this machine. */
int traffic_dial(int is_blocking, uint32_t source);
void traffic_send(struct connection *c);
/* Reads until there is no more; 0 when the server has closed the connection. */
int traffic_receive(struct connection *c, loader_answered *answered);

/* http.c: one GET request, and what the first answer to it looked like */
extern const char http_request[];
size_t http_request_bytes(void);
size_t http_answer_bytes(void);
/* Learns the answer from one connection of its own. */
void http_learn(void);
int http_is_right(const char *bytes, size_t n, size_t at);

/* event_id.c: the number of the event "a system call begins"; 0 and errno where it is not ours. */
uint64_t event_id_read(void);

/* watch.c: the server from outside; init before there is any traffic, as it may take a while */
void watch_init(void);
void watch_begin(void);
void watch_end(void);
/* Prints processor time and, where the kernel lets us count them, system calls and user
 * instructions for each of n requests; to stderr why system calls were not counted. */
void watch_report(uint64_t n);
/* Run time of all threads of the server. */
int64_t watch_cpu_ns(void);
/* Resident memory and page tables of the server. */
int64_t watch_memory_bytes(void);
/* How many descriptors it has. */
int64_t watch_descriptors(void);

/* The modes. */
void closed_run(void);
void open_run(void);
void churn_run(void);
void idle_run(void);
void count_run(void);

/* For the modes: an epoll set, and one connection in it, edge-triggered, or all of them. */
int loader_epoll(void);
void loader_connect(int epoll, struct connection *c, uint64_t id);
struct connection *loader_connect_all(int epoll);
/* Takes events once and handles them; never sleeps. */
void loader_poll(int epoll, loader_answered *answered);
void loader_report(double seconds);

#endif

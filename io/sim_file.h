// SPDX-License-Identifier: MIT
/*
 * Purpose: the descriptors of a simulation: event counters, pipes, stream sockets, listeners.
 *
 * Idea: objects in memory, numbered from a low number up like real ones, the lowest free number
 * first, so that a number comes back as soon as it can. Each call here is what a system call would
 * do at one instant, without waiting; who waits is io/ring_sim.c's affair, which is told of each
 * change by rv_sim_stir.
 *
 * Threads: virtual ones, inside rv_sim_kernel_enter and rv_sim_kernel_leave.
 */
#ifndef RV_IO_SIM_FILE_H
#define RV_IO_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum rv_sim_kind { RV_SIM_EVENT, RV_SIM_PIPE, RV_SIM_SOCKET, RV_SIM_LISTENER };

/* Bytes on their way from one end to another; both ends hold a reference. */
struct rv_sim_channel {
    unsigned refs;
    bool has_reader, has_writer;
    size_t capacity, head, used;
    unsigned char data[];
};

struct rv_sim_file {
    unsigned refs;               /* of numbers and operations in flight */
    enum rv_sim_kind kind;
    bool is_nonblocking;
    uint64_t count;              /* an event counter's */
    struct rv_sim_channel *in, *out; /* NULL: not that way, or not connected */
    struct rv_sim_file *peer;    /* a socket's other end while both live */
    uint16_t port;               /* a bound socket's; 0: none */
    bool is_listening;
    unsigned backlog, waiting_count;
    struct rv_sim_file *waiting; /* a listener's connections, oldest first */
    struct rv_sim_file *next;
};

/* Nothing is open. Before each run. */
void rv_sim_file_reset(void);
unsigned rv_sim_file_open_count(void);
/* May numbers run out, transfers be short? */
void rv_sim_file_set_faults(bool has_faults);
bool rv_sim_file_has_faults(void);
/* A number that was closed never comes back in this run: for programs that close what others may be
 * about to use, which is their own fault on a real machine. */
void rv_sim_file_spend_numbers(void);

/* NULL: no such number. Borrowed. */
struct rv_sim_file *rv_sim_file_get(int fd);
struct rv_sim_file *rv_sim_file_retain(struct rv_sim_file *f);
void rv_sim_file_release(struct rv_sim_file *f);

/* New numbers, or -EMFILE. */
int rv_sim_file_open_event(uint64_t count, bool is_nonblocking);
int rv_sim_file_open_socket(bool is_nonblocking);
int rv_sim_file_open_pipe(int fds[2]);
int rv_sim_file_open_pair(int fds[2]);
int rv_sim_file_close(int fd);

/* poll(2)'s events that hold now. */
unsigned rv_sim_file_events(const struct rv_sim_file *f);
/* -EAGAIN: not now. May move fewer bytes than there are. */
ssize_t rv_sim_file_read(struct rv_sim_file *f, void *buf, size_t n, bool is_peek);
ssize_t rv_sim_file_write(struct rv_sim_file *f, const void *buf, size_t n);
int rv_sim_file_bind(struct rv_sim_file *f, uint16_t port);
int rv_sim_file_listen(struct rv_sim_file *f, int backlog);
int rv_sim_file_accept(struct rv_sim_file *f, bool is_nonblocking);
int rv_sim_file_connect(struct rv_sim_file *f, uint16_t port);
int rv_sim_file_shutdown(struct rv_sim_file *f, int how);

/* io/ring_sim.c: f may be ready for what it was not before. */
void rv_sim_stir(struct rv_sim_file *f);

#endif

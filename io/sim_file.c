// SPDX-License-Identifier: MIT
/*
 * Purpose: the descriptors of a simulation, io/sim_file.h.
 */
#include "io/sim_file.h"

#include "core/check.h"
#include "core/sim.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_NUMBER 3
#define NUMBERS 4096
#define FIRST_PORT 40000

static struct {
    struct rv_sim_file *numbers[NUMBERS];
    unsigned open_count;
    bool has_faults;
    bool is_spending;          /* no number comes twice */
    int spent;                 /* those below */
    uint16_t next_port;
} files;

void rv_sim_file_reset(void)
{
    memset(&files, 0, sizeof(files));
    files.next_port = FIRST_PORT;
}

unsigned rv_sim_file_open_count(void)
{
    return files.open_count;
}

void rv_sim_file_set_faults(bool has_faults)
{
    files.has_faults = has_faults;
}

void rv_sim_file_spend_numbers(void)
{
    files.is_spending = true;
}

bool rv_sim_file_has_faults(void)
{
    return files.has_faults;
}

struct rv_sim_file *rv_sim_file_get(int fd)
{
    return fd < 0 || fd >= NUMBERS ? NULL : files.numbers[fd];
}

struct rv_sim_file *rv_sim_file_retain(struct rv_sim_file *f)
{
    f->refs++;
    return f;
}

static void drop_channel(struct rv_sim_channel *c)
{
    if (c != NULL && --c->refs == 0) {
        free(c);
    }
}

static void hang_up(struct rv_sim_file *f);

/* As in the kernel, an operation under way keeps the file, and so the other end's peer, alive. */
void rv_sim_file_release(struct rv_sim_file *f)
{
    RV_CHECK(f->refs > 0, "a simulated file is released once for each reference");
    if (--f->refs == 0) {
        hang_up(f);
        drop_channel(f->in);
        drop_channel(f->out);
        free(f);
    }
}

static struct rv_sim_file *create(enum rv_sim_kind kind, bool is_nonblocking)
{
    struct rv_sim_file *f = calloc(1, sizeof(*f));
    f->kind = kind;
    f->is_nonblocking = is_nonblocking;
    return f;
}

static struct rv_sim_channel *create_channel(void)
{
    static const size_t capacities[] = {1, 5, 64, 1024, 16384};
    size_t capacity = capacities[rv_sim_draw(RV_ARRAY_LEN(capacities))];
    struct rv_sim_channel *c = malloc(sizeof(*c) + capacity);
    *c = (struct rv_sim_channel){
        .refs = 2, .has_reader = true, .has_writer = true, .capacity = capacity};
    return c;
}

/* Gives the file the lowest free number. */
static int give_number(struct rv_sim_file *f)
{
    for (int fd = files.spent < FIRST_NUMBER ? FIRST_NUMBER : files.spent; fd < NUMBERS; fd++) {
        if (files.numbers[fd] == NULL) {
            files.spent = files.is_spending ? fd + 1 : 0;
            files.numbers[fd] = rv_sim_file_retain(f);
            files.open_count++;
            return fd;
        }
    }
    return -EMFILE;
}

static int open_one(struct rv_sim_file *f)
{
    int fd = give_number(f);
    if (fd < 0) {
        free(f);
    }
    return fd;
}

int rv_sim_file_open_event(uint64_t count, bool is_nonblocking)
{
    struct rv_sim_file *f = create(RV_SIM_EVENT, is_nonblocking);
    f->count = count;
    return open_one(f);
}

int rv_sim_file_open_socket(bool is_nonblocking)
{
    return open_one(create(RV_SIM_SOCKET, is_nonblocking));
}

static void connect_both(struct rv_sim_file *a, struct rv_sim_file *b)
{
    a->out = b->in = create_channel();
    b->out = a->in = create_channel();
    a->peer = b;
    b->peer = a;
}

static int open_both(struct rv_sim_file *a, struct rv_sim_file *b, int fds[2])
{
    fds[0] = give_number(a);
    fds[1] = give_number(b);
    RV_CHECK(fds[0] >= 0 && fds[1] >= 0, "a simulation opens fewer than %d files", NUMBERS);
    return 0;
}

int rv_sim_file_open_pipe(int fds[2])
{
    struct rv_sim_file *reader = create(RV_SIM_PIPE, false);
    struct rv_sim_file *writer = create(RV_SIM_PIPE, false);
    reader->in = writer->out = create_channel();
    reader->peer = writer;
    writer->peer = reader;
    return open_both(reader, writer, fds);
}

int rv_sim_file_open_pair(int fds[2])
{
    struct rv_sim_file *a = create(RV_SIM_SOCKET, false);
    struct rv_sim_file *b = create(RV_SIM_SOCKET, false);
    connect_both(a, b);
    return open_both(a, b, fds);
}

static void end_directions(struct rv_sim_file *f, bool reading, bool writing)
{
    if (reading && f->in != NULL) {
        f->in->has_reader = false;
    }
    if (writing && f->out != NULL) {
        f->out->has_writer = false;
    }
    rv_sim_stir(f);
    if (f->peer != NULL) {
        rv_sim_stir(f->peer);
    }
}

/* The last reference is gone: the other end sees it. */
static void hang_up(struct rv_sim_file *f)
{
    end_directions(f, true, true);
    if (f->peer != NULL) {
        f->peer->peer = NULL;
        f->peer = NULL;
    }
    while (f->waiting != NULL) {
        struct rv_sim_file *c = f->waiting;
        f->waiting = c->next;
        rv_sim_file_release(c);
    }
    f->is_listening = false;
    f->port = 0;
}

int rv_sim_file_close(int fd)
{
    struct rv_sim_file *f = rv_sim_file_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    files.numbers[fd] = NULL;
    files.open_count--;
    rv_sim_file_release(f);
    return 0;
}

static unsigned stream_events(const struct rv_sim_file *f)
{
    unsigned events = 0;
    if (f->in == NULL && f->out == NULL) {
        return f->kind == RV_SIM_SOCKET ? POLLOUT | POLLHUP : 0;
    }
    if (f->in != NULL) {
        bool is_over = !f->in->has_writer || !f->in->has_reader;
        events |= f->in->used > 0 || is_over ? POLLIN : 0;
        events |= is_over ? (f->kind == RV_SIM_PIPE ? POLLHUP : POLLRDHUP) : 0;
    }
    if (f->out != NULL) {
        bool is_over = !f->out->has_reader || !f->out->has_writer;
        events |= f->out->used < f->out->capacity || is_over ? POLLOUT : 0;
        events |= is_over && f->kind == RV_SIM_PIPE ? POLLERR : 0;
    }
    if (f->in != NULL && f->out != NULL && !f->in->has_writer && !f->out->has_reader) {
        events |= POLLHUP;
    }
    return events;
}

unsigned rv_sim_file_events(const struct rv_sim_file *f)
{
    switch (f->kind) {
    case RV_SIM_EVENT:
        return (f->count > 0 ? POLLIN : 0) | POLLOUT;
    case RV_SIM_PIPE:
    case RV_SIM_SOCKET:
        return stream_events(f);
    case RV_SIM_LISTENER:
        return f->waiting != NULL ? POLLIN : 0;
    }
    return 0;
}

static ssize_t read_event(struct rv_sim_file *f, void *buf, size_t n)
{
    if (n < sizeof(f->count)) {
        return -EINVAL;
    }
    if (f->count == 0) {
        return -EAGAIN;
    }
    memcpy(buf, &f->count, sizeof(f->count));
    f->count = 0;
    rv_sim_stir(f);
    return sizeof(f->count);
}

static size_t some_of(size_t n)
{
    bool is_short = files.has_faults && n > 1 && rv_sim_chance(3);
    return is_short ? 1 + rv_sim_draw((uint32_t)n) : n;
}

ssize_t rv_sim_file_read(struct rv_sim_file *f, void *buf, size_t n, bool is_peek)
{
    struct rv_sim_channel *c = f->in;
    unsigned char *out = buf;
    if (f->kind == RV_SIM_EVENT) {
        return read_event(f, buf, n);
    }
    if (c == NULL) {
        return f->kind == RV_SIM_SOCKET ? -ENOTCONN : -EBADF;
    }
    if (n == 0 || !c->has_reader) {
        return 0;
    }
    if (c->used == 0) {
        return c->has_writer ? -EAGAIN : 0;
    }
    n = some_of(n < c->used ? n : c->used);
    for (size_t i = 0; i < n; i++) {
        out[i] = c->data[(c->head + i) % c->capacity];
    }
    if (!is_peek) {
        c->head = (c->head + n) % c->capacity;
        c->used -= n;
        if (f->peer != NULL) {
            rv_sim_stir(f->peer);
        }
    }
    return (ssize_t)n;
}

static ssize_t write_event(struct rv_sim_file *f, const void *buf, size_t n)
{
    uint64_t more;
    if (n < sizeof(more)) {
        return -EINVAL;
    }
    memcpy(&more, buf, sizeof(more));
    f->count += more;
    rv_sim_stir(f);
    return sizeof(more);
}

ssize_t rv_sim_file_write(struct rv_sim_file *f, const void *buf, size_t n)
{
    struct rv_sim_channel *c = f->out;
    const unsigned char *in = buf;
    if (f->kind == RV_SIM_EVENT) {
        return write_event(f, buf, n);
    }
    if (c == NULL) {
        return f->kind == RV_SIM_SOCKET ? -ENOTCONN : -EBADF;
    }
    if (!c->has_reader || !c->has_writer) {
        return -EPIPE;
    }
    if (n == 0) {
        return 0;
    }
    size_t room = c->capacity - c->used;
    if (room == 0) {
        return -EAGAIN;
    }
    n = some_of(n < room ? n : room);
    for (size_t i = 0; i < n; i++) {
        c->data[(c->head + c->used + i) % c->capacity] = in[i];
    }
    c->used += n;
    if (f->peer != NULL) {
        rv_sim_stir(f->peer);
    }
    return (ssize_t)n;
}

static struct rv_sim_file *find_listener(uint16_t port)
{
    for (int fd = FIRST_NUMBER; fd < NUMBERS; fd++) {
        struct rv_sim_file *f = files.numbers[fd];
        if (f != NULL && f->is_listening && f->port == port) {
            return f;
        }
    }
    return NULL;
}

int rv_sim_file_bind(struct rv_sim_file *f, uint16_t port)
{
    if (f->kind != RV_SIM_SOCKET || f->port != 0) {
        return -EINVAL;
    }
    if (port != 0 && find_listener(port) != NULL) {
        return -EADDRINUSE;
    }
    f->port = port != 0 ? port : files.next_port++;
    return 0;
}

int rv_sim_file_listen(struct rv_sim_file *f, int backlog)
{
    if (f->kind != RV_SIM_SOCKET || f->in != NULL || f->port == 0) {
        return -EINVAL;
    }
    f->kind = RV_SIM_LISTENER;
    f->is_listening = true;
    f->backlog = backlog < 1 ? 1 : (unsigned)backlog;
    return 0;
}

int rv_sim_file_accept(struct rv_sim_file *f, bool is_nonblocking)
{
    struct rv_sim_file *c = f->waiting;
    if (f->kind != RV_SIM_LISTENER) {
        return -EINVAL;
    }
    if (c == NULL) {
        return -EAGAIN;
    }
    if (files.has_faults && rv_sim_chance(16)) {
        return rv_sim_chance(2) ? -EMFILE : -ECONNABORTED;
    }
    int fd = give_number(c);
    if (fd >= 0) {
        f->waiting = c->next;
        f->waiting_count--;
        c->next = NULL;
        c->is_nonblocking = is_nonblocking;
        rv_sim_file_release(c);
        rv_sim_stir(f);
    }
    return fd;
}

int rv_sim_file_connect(struct rv_sim_file *f, uint16_t port)
{
    struct rv_sim_file *listener = find_listener(port);
    struct rv_sim_file **last;
    if (f->kind != RV_SIM_SOCKET) {
        return -EOPNOTSUPP;
    }
    if (f->in != NULL) {
        return -EISCONN;
    }
    if (listener == NULL) {
        return -ECONNREFUSED;
    }
    if (listener->waiting_count >= listener->backlog) {
        return -EAGAIN;
    }
    struct rv_sim_file *c = rv_sim_file_retain(create(RV_SIM_SOCKET, false));
    c->port = port;
    connect_both(f, c);
    for (last = &listener->waiting; *last != NULL; last = &(*last)->next) {
    }
    *last = c;
    listener->waiting_count++;
    rv_sim_stir(listener);
    rv_sim_stir(f);
    return 0;
}

int rv_sim_file_shutdown(struct rv_sim_file *f, int how)
{
    if (f->kind != RV_SIM_SOCKET) {
        return -ENOTSOCK;
    }
    if (f->in == NULL) {
        return -ENOTCONN;
    }
    end_directions(f, how != SHUT_WR, how != SHUT_RD);
    return 0;
}

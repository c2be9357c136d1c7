// SPDX-License-Identifier: MIT
/* Purpose: the floor of an echo server on completions: a ring a thread, one system call a batch; a
 * receive, then a send of what came, for each connection by turns. */
#include "limits/server.h"

#include <liburing.h>

enum { ENTRIES = 4096, BATCH = 512, SINGLE_ISSUER = 1 << 12, DEFER_TASKRUN = 1 << 13 };

struct connection {
    int fd;
    int is_sending;
    size_t sent, bytes; /* of the echo that is under way */
    char buffer[SERVER_BUFFER_BYTES];
};

static struct io_uring_sqe *next_sqe(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (!sqe) {
        io_uring_submit(ring);
        sqe = io_uring_get_sqe(ring);
    }
    return sqe;
}

static void receive(struct io_uring *ring, struct connection *c)
{
    struct io_uring_sqe *sqe = next_sqe(ring);
    io_uring_prep_recv(sqe, c->fd, c->buffer, sizeof c->buffer, 0);
    io_uring_sqe_set_data(sqe, c);
    c->is_sending = 0;
}

static void send_rest(struct io_uring *ring, struct connection *c)
{
    struct io_uring_sqe *sqe = next_sqe(ring);
    io_uring_prep_send(sqe, c->fd, c->buffer + c->sent, c->bytes - c->sent, MSG_NOSIGNAL);
    io_uring_sqe_set_data(sqe, c);
    c->is_sending = 1;
}

static void advance(struct io_uring *ring, struct connection *c, int result)
{
    if (result <= 0) {
        close(c->fd);
        free(c);
    } else if (!c->is_sending) {
        c->bytes = (size_t)result;
        c->sent = 0;
        send_rest(ring, c);
    } else if ((c->sent += (size_t)result) < c->bytes) {
        send_rest(ring, c);
    } else {
        receive(ring, c);
    }
}

/* Completes without a connection as its data; an accept's result is the descriptor itself. */
static void wait_for_connection(struct io_uring *ring, const struct server_source *from, int *fd)
{
    struct io_uring_sqe *sqe = next_sqe(ring);
    if (from->is_listener) {
        io_uring_prep_accept(sqe, from->fd, NULL, NULL, SOCK_CLOEXEC);
    } else {
        io_uring_prep_read(sqe, from->fd, fd, sizeof *fd, 0);
    }
    io_uring_sqe_set_data(sqe, NULL);
}

static void take_connection(struct io_uring *ring, const struct server_source *from, int *fd,
                            int result)
{
    struct connection *c = malloc(sizeof *c);
    if (!c || result < 0) {
        server_die("connection");
    }
    c->fd = from->is_listener ? result : *fd;
    receive(ring, c);
    wait_for_connection(ring, from, fd);
}

static void make_ring(struct io_uring *ring)
{
    int rc = io_uring_queue_init(ENTRIES, ring, SINGLE_ISSUER | DEFER_TASKRUN);
    if (rc < 0) { /* an older kernel */
        rc = io_uring_queue_init(ENTRIES, ring, 0);
    }
    if (rc < 0) {
        fprintf(stderr, "no ring: %s\n", strerror(-rc));
        exit(EXIT_FAILURE);
    }
}

static void *loop(void *arg)
{
    const struct server_source *from = arg;
    int fd = -1;
    struct io_uring ring;
    struct io_uring_cqe *cqes[BATCH];
    make_ring(&ring);
    wait_for_connection(&ring, from, &fd);
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        unsigned n = io_uring_peek_batch_cqe(&ring, cqes, BATCH);
        for (unsigned i = 0; i < n; i++) {
            struct connection *c = io_uring_cqe_get_data(cqes[i]);
            if (c) {
                advance(&ring, c, cqes[i]->res);
            } else {
                take_connection(&ring, from, &fd, cqes[i]->res);
            }
        }
        io_uring_cq_advance(&ring, n);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    server_run(argc, argv, loop);
    return EXIT_SUCCESS;
}

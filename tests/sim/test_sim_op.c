// SPDX-License-Identifier: MIT
/*
 * Purpose: io/sim_op.h: what a simulated operation does to its file and its buffer, and what of the
 *          buffer is the kernel's.
 */
#include "io/sim_op.h"

#include "core/base.h"
#include "machine.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>

enum { SEEDS = 100 };

static struct rv_sim_op *create(unsigned opcode, int fd, const void *addr, unsigned len)
{
    struct io_uring_sqe sqe = {.opcode = (uint8_t)opcode,
                               .fd = fd,
                               .addr = (uintptr_t)addr,
                               .len = len};
    return rv_sim_op_create(&sqe);
}

static int once(unsigned opcode, int fd, const void *addr, unsigned len)
{
    struct rv_sim_op *op = create(opcode, fd, addr, len);
    int rc = op->error != 0 ? op->error : rv_sim_op_try(op);
    rv_sim_op_destroy(op);
    return rc;
}

/* Goal: transfers of every kind carry the bytes, and -EAGAIN means not now. */
static void check_transfers(void *ctx)
{
    int fds[2];
    char byte = 0;
    struct iovec out = {(char[]){"k"}, 1};
    struct iovec in = {&byte, 1};
    struct msghdr sent = {.msg_iov = &out, .msg_iovlen = 1};
    struct msghdr got = {.msg_iov = &in, .msg_iovlen = 1, .msg_flags = 3};
    static const unsigned writes[] = {IORING_OP_WRITE, IORING_OP_SEND, IORING_OP_WRITEV,
                                      IORING_OP_SENDMSG};
    static const unsigned reads[] = {IORING_OP_READ, IORING_OP_RECV, IORING_OP_READV,
                                     IORING_OP_RECVMSG};
    const void *from[] = {"k", "k", &out, &sent};
    const void *to[] = {&byte, &byte, &in, &got};
    (void)ctx;
    rv_sim_kernel_enter();
    RV_SEE(rv_sim_file_open_pair(fds) == 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(writes); i++) {
        for (size_t k = 0; k < RV_ARRAY_LEN(reads); k++) {
            RV_SEE(once(reads[k], fds[0], to[k], 1) == -EAGAIN);
            RV_SEE(once(IORING_OP_POLL_ADD, fds[0], NULL, POLLIN) == -EAGAIN);
            RV_SEE(once(writes[i], fds[1], from[i], 1) == 1);
            byte = 0;
            RV_SEE(once(reads[k], fds[0], to[k], 1) == 1 && byte == 'k');
        }
    }
    RV_SEE(once(IORING_OP_NOP, -1, NULL, 0) == 0);
    RV_SEE(once(IORING_OP_READ, 500, &byte, 1) == -EBADF);
    RV_SEE(once(IORING_OP_FSYNC, fds[0], NULL, 0) == -EINVAL); /* there are no disks here */
    RV_SEE(rv_sim_file_close(fds[0]) == 0 && rv_sim_file_close(fds[1]) == 0);
    rv_sim_kernel_leave();
}

/* Goal: polls, accepts and connects are as the file says. */
static void check_sockets(void *ctx)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(7)};
    (void)ctx;
    rv_sim_kernel_enter();
    int listener = rv_sim_file_open_socket(false);
    int client = rv_sim_file_open_socket(false);
    RV_SEE(rv_sim_file_bind(rv_sim_file_get(listener), 7) == 0);
    RV_SEE(once(IORING_OP_CONNECT, client, &in, 0) == -ECONNREFUSED);
    RV_SEE(rv_sim_file_listen(rv_sim_file_get(listener), 1) == 0);
    RV_SEE(once(IORING_OP_ACCEPT, listener, NULL, 0) == -EAGAIN);
    RV_SEE(once(IORING_OP_CONNECT, client, &in, 0) == 0);
    struct io_uring_sqe poll = {.opcode = IORING_OP_POLL_ADD, .fd = listener,
                                .poll32_events = POLLIN};
    struct rv_sim_op *op = rv_sim_op_create(&poll);
    RV_SEE(rv_sim_op_try(op) == POLLIN);
    rv_sim_op_destroy(op);
    int server = once(IORING_OP_ACCEPT, listener, NULL, 0);
    RV_SEE(server > client);
    for (int fd = listener; fd <= server; fd++)
        RV_SEE(rv_sim_file_close(fd) == 0);
    rv_sim_kernel_leave();
}

/* Goal: who does not want to wait is told -EAGAIN: a mode of the file or of the call; a poll of
 * such a file waits all the same. */
static void check_patience(void *ctx)
{
    char byte;
    (void)ctx;
    rv_sim_kernel_enter();
    int patient = rv_sim_file_open_event(0, false);
    int hasty = rv_sim_file_open_event(0, true);
    static const struct {
        unsigned opcode;
        bool is_hasty;
        unsigned flags;
        bool expected;
    } rows[] = {
        {IORING_OP_READ, false, 0, false},      {IORING_OP_READ, true, 0, true},
        {IORING_OP_RECV, false, MSG_DONTWAIT, true}, {IORING_OP_POLL_ADD, true, 0, false},
        {IORING_OP_SENDMSG, false, MSG_DONTWAIT, true},
    };
    for (size_t i = 0; i < RV_ARRAY_LEN(rows); i++) {
        struct io_uring_sqe sqe = {.opcode = (uint8_t)rows[i].opcode,
                                   .fd = rows[i].is_hasty ? hasty : patient,
                                   .addr = (uintptr_t)&byte,
                                   .len = 1,
                                   .msg_flags = rows[i].flags};
        struct rv_sim_op *op = rv_sim_op_create(&sqe);
        RV_SEE(op->is_impatient == rows[i].expected);
        rv_sim_op_destroy(op);
    }
    struct __kernel_timespec ts = {.tv_sec = 3, .tv_nsec = 5};
    struct rv_sim_op *timer = create(IORING_OP_TIMEOUT, -1, &ts, 1);
    RV_SEE(timer->until_ns == INT64_C(3000000005) && timer->error == 0 && timer->file == NULL);
    RV_SEE(rv_sim_op_try(timer) == -ETIME);
    rv_sim_op_destroy(timer);
    RV_SEE(rv_sim_file_close(patient) == 0 && rv_sim_file_close(hasty) == 0);
    rv_sim_kernel_leave();
}

/* Goal: until the end any byte of a read's buffer beyond the result may change, no other; a write's
 * never does. */
static void check_scribbles(void *ctx)
{
    unsigned char buffer[64];
    size_t bytes;
    unsigned changed = 0;
    (void)ctx;
    rv_sim_kernel_enter();
    int fd = rv_sim_file_open_event(0, false);
    memset(buffer, 1, sizeof buffer);
    struct rv_sim_op *op = create(IORING_OP_READ, fd, buffer + 8, 40);
    RV_SEE(rv_sim_op_buffer(op, &bytes) == buffer + 8 && bytes == 40);
    op->res = 16;
    for (int i = 0; i < 50; i++)
        rv_sim_op_scribble(op);
    for (size_t i = 0; i < sizeof buffer; i++)
        changed += buffer[i] != 1 && i >= 8 + 16 && i < 48;
    RV_SEE(changed > 5);
    unsigned outside = 0; /* the creation may have written one, when there was no result yet */
    for (size_t i = 0; i < sizeof buffer; i++)
        outside += buffer[i] != 1 && (i < 8 || i >= 48);
    RV_SEE(outside == 0);
    rv_sim_op_destroy(op);
    memset(buffer, 1, sizeof buffer);
    op = create(IORING_OP_WRITE, fd, buffer, sizeof buffer);
    RV_SEE(rv_sim_op_buffer(op, &bytes) == buffer);
    rv_sim_op_scribble(op);
    for (size_t i = 0; i < sizeof buffer; i++)
        RV_SEE(buffer[i] == 1);
    rv_sim_op_destroy(op);
    op = create(IORING_OP_POLL_ADD, fd, buffer, 1);
    RV_SEE(rv_sim_op_buffer(op, &bytes) == NULL);
    rv_sim_op_destroy(op);
    RV_SEE(rv_sim_file_close(fd) == 0);
    rv_sim_kernel_leave();
}

static void test_sim_op_follows_the_kernel(void **state)
{
    static void (*const bodies[])(void *) = {check_transfers, check_sockets, check_patience,
                                             check_scribbles};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(bodies); i++)
        rv_machine_run(SEEDS, false, bodies[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_op_follows_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: io/sqe.h: every kind of operation becomes the entry that liburing would have made.
 */
#include "io/sqe.h"

#include "support/fixture.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define HUGE_BYTES ((size_t)UINT32_MAX + 5)
#define MOST_BYTES 0x7ffff000u

static char here[64];
static char there[64];

static struct rv_fd_slot slot = {.send_waits = MSG_DONTWAIT}; /* a stream: known to be one */

/* A different value in every field that some kind uses. */
static struct rv_op any_op(enum rv_op_kind kind)
{
    return (struct rv_op){.kind = kind,
                          .slot = &slot,
                          .fd = 11,
                          .other_fd = 12,
                          .flags = 0x40,
                          .mode = 0640,
                          .addr = here,
                          .extra = there,
                          .len = 33,
                          .offset = 4096 + 7,
                          .other_offset = 8192 + 9};
}

/* Kinds with buffers; false: another one. */
static bool prepare_transfer(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    const unsigned len = (unsigned)op->len;
    const int flags = (int)op->flags;
    switch ((int)op->kind) {
    case RV_OP_READ:
        io_uring_prep_read(sqe, op->fd, here, len, (uint64_t)op->offset);
        break;
    case RV_OP_WRITE:
        io_uring_prep_write(sqe, op->fd, here, len, (uint64_t)op->offset);
        break;
    case RV_OP_READV:
        io_uring_prep_readv(sqe, op->fd, op->addr, len, (uint64_t)op->offset);
        break;
    case RV_OP_WRITEV:
        io_uring_prep_writev(sqe, op->fd, op->addr, len, (uint64_t)op->offset);
        break;
    case RV_OP_RECV:
        io_uring_prep_recv(sqe, op->fd, here, op->len, flags);
        break;
    case RV_OP_SEND:
        io_uring_prep_send(sqe, op->fd, here, op->len, flags);
        break;
    case RV_OP_RECVMSG:
        io_uring_prep_recvmsg(sqe, op->fd, op->addr, op->flags);
        break;
    case RV_OP_SENDMSG:
        io_uring_prep_sendmsg(sqe, op->fd, op->addr, op->flags);
        break;
    default:
        return false;
    }
    return true;
}

static void prepare(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    const unsigned len = (unsigned)op->len;
    const int flags = (int)op->flags;
    if (prepare_transfer(sqe, op))
        return;
    switch ((int)op->kind) {
    case RV_OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, op->addr, op->extra, flags);
        break;
    case RV_OP_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->addr, (socklen_t)op->len);
        break;
    case RV_OP_POLL:
        io_uring_prep_poll_add(sqe, op->fd, op->flags);
        break;
    case RV_OP_SPLICE:
        io_uring_prep_splice(sqe, op->fd, op->offset, op->other_fd, op->other_offset, len,
                             op->flags);
        break;
    case RV_OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        break;
    case RV_OP_FDATASYNC:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case RV_OP_OPEN:
        io_uring_prep_openat(sqe, op->fd, here, flags, op->mode);
        break;
    case RV_OP_STATX:
        io_uring_prep_statx(sqe, op->fd, here, flags, op->mode, op->extra);
        break;
    case RV_OP_UNLINK:
        io_uring_prep_unlinkat(sqe, op->fd, here, flags);
        break;
    case RV_OP_RENAME:
        io_uring_prep_renameat(sqe, op->fd, here, op->fd, there, 0);
        break;
    case RV_OP_MKDIR:
        io_uring_prep_mkdirat(sqe, op->fd, here, op->mode);
        break;
    default:
        fail_msg("kind %d has no model here", (int)op->kind);
    }
}

/* What a caller leaves at nothing for this kind (io/op.h lists the fields of each). */
static void trim(struct rv_op *op)
{
    if (op->kind == RV_OP_OPEN || op->kind == RV_OP_UNLINK || op->kind == RV_OP_MKDIR)
        op->extra = NULL;
    if (op->kind == RV_OP_UNLINK)
        op->mode = 0;
    if (op->kind == RV_OP_MKDIR)
        op->flags = 0;
}

/* Goal: all 64 bytes of the entry agree, for each kind. */
static void test_sqe_agrees_with_liburing(void **state)
{
    (void)state;
    for (enum rv_op_kind kind = RV_OP_READ; kind <= RV_OP_MKDIR; kind++) {
        struct io_uring_sqe mine;
        struct io_uring_sqe theirs;
        struct rv_op op = any_op(kind);
        trim(&op);
        memset(&mine, 0, sizeof mine);
        memset(&theirs, 0, sizeof theirs);
        rv_sqe_fill(&mine, &op);
        prepare(&theirs, &op);
        if (memcmp(&mine, &theirs, sizeof mine) != 0)
            fail_msg("kind %d differs: opcode %u for %u", (int)kind, mine.opcode, theirs.opcode);
    }
}

/* Goal: a length beyond what the kernel moves at once is cut, not wrapped: a short result. */
static void test_sqe_huge_lengths_are_cut(void **state)
{
    static const enum rv_op_kind kinds[] = {RV_OP_READ, RV_OP_WRITE, RV_OP_RECV, RV_OP_SEND,
                                            RV_OP_SPLICE};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(kinds); i++) {
        struct io_uring_sqe sqe;
        struct rv_op op = any_op(kinds[i]);
        memset(&sqe, 0, sizeof sqe);
        op.len = HUGE_BYTES;
        rv_sqe_fill(&sqe, &op);
        assert_int_equal(sqe.len, MOST_BYTES);
        memset(&sqe, 0, sizeof sqe);
        op.len = MOST_BYTES;
        rv_sqe_fill(&sqe, &op);
        assert_int_equal(sqe.len, MOST_BYTES);
    }
}

/* Goal: a send waits in the kernel only where the socket is known not to lose the message there. */
static void test_sqe_send_of_an_unknown_socket_does_not_wait(void **state)
{
    static const enum rv_op_kind kinds[] = {RV_OP_SEND, RV_OP_SENDMSG};
    struct rv_fd_slot unknown = {.send_waits = 0};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(kinds); i++) {
        struct io_uring_sqe sqe;
        struct rv_op op = any_op(kinds[i]);
        op.flags = MSG_NOSIGNAL;
        op.slot = &unknown;
        memset(&sqe, 0, sizeof sqe);
        rv_sqe_fill(&sqe, &op);
        assert_int_equal(sqe.msg_flags, MSG_NOSIGNAL | MSG_DONTWAIT);
        op.slot = &slot;
        memset(&sqe, 0, sizeof sqe);
        rv_sqe_fill(&sqe, &op);
        assert_int_equal(sqe.msg_flags, MSG_NOSIGNAL);
    }
}

/* Goal: "the descriptor's own position" is what the kernel means by it: all ones. */
static void test_sqe_position_of_the_descriptor(void **state)
{
    struct io_uring_sqe sqe;
    struct rv_op op = any_op(RV_OP_READ);
    (void)state;
    memset(&sqe, 0, sizeof sqe);
    op.offset = -1;
    rv_sqe_fill(&sqe, &op);
    assert_true(sqe.off == UINT64_MAX);
    op = any_op(RV_OP_SPLICE);
    op.offset = op.other_offset = -1;
    memset(&sqe, 0, sizeof sqe);
    rv_sqe_fill(&sqe, &op);
    assert_true(sqe.off == UINT64_MAX && sqe.splice_off_in == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sqe_agrees_with_liburing),
        cmocka_unit_test(test_sqe_huge_lengths_are_cut),
        cmocka_unit_test(test_sqe_position_of_the_descriptor),
        cmocka_unit_test(test_sqe_send_of_an_unknown_socket_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: what the man pages say of each call at its edges, alike on both back-ends: half-closed
 *          and reset peers, offsets that are none, vectors of all lengths, messages with addresses
 *          and descriptors, devices that are full, alignment, signals.
 */
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int pair(int fds[2], int type)
{
    return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
}

static int close_both(const int fds[2])
{
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    return rove_close(fds[1]);
}

static char *temporary(char path[64])
{
    static RV_ATOMIC(uint32_t) number;
    snprintf(path, 64, "/tmp/rove-calls-%d-%u", (int)getpid(), rv_fetch_add_relaxed(&number, 1));
    return path;
}

static void fill(int fd)
{
    static const char zeros[4096];
    while (send(fd, zeros, sizeof(zeros), MSG_DONTWAIT) > 0) {
    }
}

static size_t empty(int fd)
{
    static char bytes[65536];
    size_t n = 0;
    ssize_t rc;
    while ((rc = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        n += (size_t)rc;
    }
    return n;
}

struct poller {
    int fd;
    short events;
};

static int poll_for_ever(void *arg, RV_UNUSED void **result)
{
    const struct poller *p = arg;
    return rove_poll(p->fd, p->events, ROVE_FOREVER);
}

/* Goal: that the peer will send no more is no readiness to write. Method: a full socket whose peer
 * has shut down its own side; the wait ends when there is room, not before. */
RV_TASK_TEST(test_calls_poll_for_room_of_a_half_closed_peer)
{
    int fds[2];
    RV_REQUIRE_EQ(pair(fds, SOCK_STREAM), 0);
    fill(fds[0]);
    RV_REQUIRE_EQ(shutdown(fds[1], SHUT_WR), 0);
    struct poller p = {fds[0], POLLOUT};
    rove_task *t = rove_create_task(poll_for_ever, &p);
    RV_REQUIRE(t != NULL);
    for (int i = 0; i < 50; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(!rove_done(t));
    RV_EXPECT_EQ(rove_poll(fds[0], POLLOUT, ROVE_MS(1)), -ETIMEDOUT);
    RV_EXPECT(empty(fds[1]) > 0);
    RV_EXPECT_EQ(rove_join(t, NULL), POLLOUT);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN | POLLRDHUP, ROVE_FOREVER), POLLIN | POLLRDHUP);
    return close_both(fds);
}

static int send_one(void *arg, RV_UNUSED void **result)
{
    return (int)rove_send((int)(intptr_t)arg, "x", 1, 0);
}

/* Goal: the same for a send, in both modes. */
RV_TASK_TEST(test_calls_send_to_a_half_closed_peer_waits)
{
    for (int mode = 0; mode < 2; mode++) {
        int fds[2];
        RV_REQUIRE_EQ(pair(fds, SOCK_STREAM | (mode != 0 ? SOCK_NONBLOCK : 0)), 0);
        fill(fds[0]);
        RV_REQUIRE_EQ(shutdown(fds[1], SHUT_WR), 0);
        rove_task *t = rove_create_task(send_one, (void *)(intptr_t)fds[0]);
        RV_REQUIRE(t != NULL);
        await_waiters(fds[0], 1);
        RV_REQUIRE_EQ(rove_yield(), 0);
        RV_EXPECT(!rove_done(t));
        RV_EXPECT(empty(fds[1]) > 0);
        RV_EXPECT_EQ(rove_join(t, NULL), 1);
        RV_EXPECT_EQ(close_both(fds), 0);
    }
    return 0;
}

/* Goal: events nobody asked for are told if they are errors, and others are not. */
RV_TASK_TEST(test_calls_poll_tells_what_was_asked)
{
    int fds[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_poll(fds[1], POLLOUT, ROVE_FOREVER), POLLOUT);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_poll(fds[1], 0, ROVE_FOREVER), POLLERR);
    RV_EXPECT_EQ(rove_poll(fds[1], POLLOUT, ROVE_FOREVER), POLLOUT | POLLERR);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    RV_EXPECT_EQ(rove_poll(fds[0], POLLIN, ROVE_FOREVER), POLLHUP);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    int file = rove_open("/proc/self/exe", O_RDONLY, 0);
    RV_REQUIRE(file >= 0);
    RV_EXPECT_EQ(rove_poll(file, POLLIN | POLLOUT, ROVE_FOREVER), POLLIN | POLLOUT);
    RV_EXPECT_EQ(rove_poll(file, POLLPRI, ROVE_MS(1)), -ETIMEDOUT);
    return rove_close(file);
}

/* Goal: a position in what has none is refused, and nothing is read. */
RV_TASK_TEST(test_calls_positions_need_a_file)
{
    int fds[2];
    char b = 0;
    for (int i = 0; i < 2; i++) {
        RV_REQUIRE_EQ(i == 0 ? pipe2(fds, O_CLOEXEC) : pair(fds, SOCK_STREAM), 0);
        RV_EXPECT_EQ(rove_pwrite(fds[1], "x", 1, 0), -ESPIPE);
        RV_EXPECT_EQ(rove_write(fds[1], "y", 1), 1);
        RV_EXPECT_EQ(rove_pread(fds[0], &b, 1, 0), -ESPIPE);
        RV_EXPECT_EQ(rove_read(fds[0], &b, 1), 1);
        RV_EXPECT_EQ(b, 'y');
        RV_EXPECT_EQ(close_both(fds), 0);
    }
    int null = rove_open("/dev/zero", O_RDWR, 0);
    RV_EXPECT_EQ(rove_pread(null, &b, 1, 77), 1);
    RV_EXPECT_EQ(rove_pwrite(null, &b, 1, 77), 1);
    return rove_close(null);
}

/* Goal: more than a call can move is asked for as any other length. */
RV_TASK_TEST(test_calls_lengths_beyond_32_bits)
{
    size_t huge = (size_t)5 << 30;
    int fds[2];
    char *map = mmap(NULL, huge, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RV_REQUIRE(map != MAP_FAILED);
    RV_REQUIRE_EQ(pair(fds, SOCK_STREAM), 0);
    RV_EXPECT_EQ(rove_write(fds[1], "hello", 5), 5);
    RV_EXPECT_EQ(rove_read(fds[0], map, huge), 5);
    RV_EXPECT_EQ(rove_write(fds[1], "hello", 5), 5);
    RV_EXPECT_EQ(rove_recv(fds[0], map, (size_t)1 << 32, 0), 5);
    int file = rove_open("/proc/self/exe", O_RDONLY, 0);
    RV_EXPECT(rove_read(file, map, (size_t)1 << 32) > 4);
    RV_EXPECT(rove_pread(file, map, (size_t)1 << 32, 1) > 4);
    RV_EXPECT(memcmp(map, "ELF", 3) == 0);
    RV_EXPECT_EQ(rove_close(file), 0);
    int null = rove_open("/dev/null", O_WRONLY, 0);
    RV_EXPECT(rove_write(null, map, (size_t)1 << 32) > 0);
    RV_EXPECT_EQ(rove_close(null), 0);
    RV_EXPECT_EQ(munmap(map, huge), 0);
    return close_both(fds);
}

static int write_two_halves(void *arg, RV_UNUSED void **result)
{
    int fd = (int)(intptr_t)arg;
    for (int i = 0; i < 2; i++) {
        RV_REQUIRE_EQ(rove_send(fd, "12345", 5, 0), 5);
        for (int turn = 0; turn < 10; turn++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
    }
    return rove_shutdown(fd, SHUT_WR);
}

static int receive_all_ten(void *arg, RV_UNUSED void **result)
{
    char buf[16];
    ssize_t *fd_then_count = arg;
    *fd_then_count = rove_recv((int)*fd_then_count, buf, 10, MSG_WAITALL);
    return rove_yield(); /* a request that came meanwhile was kept for this */
}

/* Goal: MSG_WAITALL waits for all; a cancellation in the middle gives what has come; so does the
 * end. Datagrams are not joined. */
RV_TASK_TEST(test_calls_recv_waits_for_all)
{
    int fds[2];
    char buf[16];
    for (int mode = 0; mode < 2; mode++) {
        RV_REQUIRE_EQ(pair(fds, SOCK_STREAM | (mode != 0 ? SOCK_NONBLOCK : 0)), 0);
        rove_task *t = rove_create_task(write_two_halves, (void *)(intptr_t)fds[1]);
        RV_EXPECT_EQ(rove_recv(fds[0], buf, 10, MSG_WAITALL), 10);
        RV_EXPECT(memcmp(buf, "1234512345", 10) == 0);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
        RV_EXPECT_EQ(rove_recv(fds[0], buf, 10, MSG_WAITALL), 0);
        RV_EXPECT_EQ(close_both(fds), 0);
        RV_REQUIRE_EQ(pair(fds, SOCK_STREAM | (mode != 0 ? SOCK_NONBLOCK : 0)), 0);
        ssize_t got = fds[0];
        t = rove_create_task(receive_all_ten, &got);
        RV_EXPECT_EQ(rove_send(fds[1], "123", 3, 0), 3);
        while (recv(fds[0], buf, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
        RV_EXPECT_EQ(got, 3);
        RV_EXPECT_EQ(close_both(fds), 0);
    }
    RV_REQUIRE_EQ(pair(fds, SOCK_SEQPACKET), 0);
    RV_EXPECT_EQ(rove_send(fds[1], "123", 3, 0), 3);
    RV_EXPECT_EQ(rove_send(fds[1], "45", 2, 0), 2);
    RV_EXPECT_EQ(rove_recv(fds[0], buf, 5, MSG_WAITALL), 3);
    return close_both(fds);
}

/* Goal: sendfile(2)'s rules for what it reads from. */
RV_TASK_TEST(test_calls_sendfile_reads_files)
{
    int fds[2], sockets[2];
    off_t before = -5;
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(pair(sockets, SOCK_STREAM), 0);
    int file = rove_open("/proc/self/exe", O_RDONLY, 0);
    RV_EXPECT_EQ(rove_write(fds[1], "abc", 3), 3);
    RV_EXPECT_EQ(rove_sendfile(sockets[0], fds[0], NULL, 3), -EINVAL);
    RV_EXPECT_EQ(rove_sendfile(sockets[0], sockets[1], NULL, 3), -EINVAL);
    RV_EXPECT_EQ(rove_sendfile(sockets[0], file, &before, 3), -EINVAL);
    RV_EXPECT_EQ(before, -5);
    RV_EXPECT_EQ(rove_sendfile(sockets[0], -1, NULL, 0), -EBADF);
    RV_EXPECT_EQ(rove_sendfile(-1, file, NULL, 3), -EBADF);
    RV_EXPECT_EQ(rove_sendfile(sockets[0], file, NULL, 0), 0);
    RV_EXPECT_EQ(rove_splice(file, &before, fds[1], NULL, 3), -EINVAL);
    before = (off_t)1 << 40;
    RV_EXPECT_EQ(rove_sendfile(sockets[0], file, &before, 3), 0);
    RV_EXPECT_EQ(rove_splice(fds[0], &before, sockets[0], NULL, 3), -ESPIPE);
    RV_EXPECT_EQ(rove_splice(fds[0], NULL, sockets[0], NULL, 3), 3);
    RV_EXPECT_EQ(rove_close(file), 0);
    RV_EXPECT_EQ(close_both(sockets), 0);
    return close_both(fds);
}

/* Goal: a descriptor goes through a socket, and works at the other end. */
RV_TASK_TEST(test_calls_descriptors_are_passed)
{
    int fds[2], pipe_fds[2];
    char byte = 'q';
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
                       .msg_controllen = sizeof(control.room)};
    RV_REQUIRE_EQ(pair(fds, SOCK_STREAM), 0);
    RV_REQUIRE_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), &pipe_fds[1], sizeof(int));
    RV_EXPECT_EQ(rove_sendmsg(fds[0], &m, 0), 1);
    RV_EXPECT_EQ(rove_close(pipe_fds[1]), 0);
    memset(&control, 0, sizeof(control));
    m.msg_controllen = sizeof(control.room);
    RV_EXPECT_EQ(rove_recvmsg(fds[1], &m, MSG_CMSG_CLOEXEC), 1);
    RV_EXPECT_EQ(m.msg_flags & MSG_CTRUNC, 0);
    RV_REQUIRE_EQ(control.head.cmsg_type, SCM_RIGHTS);
    int passed;
    memcpy(&passed, CMSG_DATA(&control.head), sizeof(int));
    RV_EXPECT_EQ(fcntl(passed, F_GETFD), FD_CLOEXEC);
    RV_EXPECT_EQ(rove_write(passed, "z", 1), 1);
    RV_EXPECT_EQ(rove_read(pipe_fds[0], &byte, 1), 1);
    RV_EXPECT_EQ(byte, 'z');
    RV_EXPECT_EQ(rove_close(passed), 0);
    RV_EXPECT_EQ(rove_close(pipe_fds[0]), 0);
    return close_both(fds);
}

static int udp(struct sockaddr_in *at)
{
    socklen_t len = sizeof(*at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    RV_REQUIRE_EQ(bind(fd, (struct sockaddr *)at, len), 0);
    RV_REQUIRE_EQ(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

/* Goal: datagrams with addresses: whence they came, one that is cut off, an empty one. */
RV_TASK_TEST(test_calls_datagrams_tell_their_sender)
{
    struct sockaddr_in a, b, from = {0};
    char buf[4];
    int fd = udp(&a);
    int other = udp(&b);
    struct iovec v = {"longer", 6};
    struct msghdr m = {.msg_name = &b, .msg_namelen = sizeof(b), .msg_iov = &v, .msg_iovlen = 1};
    RV_EXPECT_EQ(rove_send(fd, "x", 1, 0), -EDESTADDRREQ);
    RV_EXPECT_EQ(rove_sendmsg(fd, &m, 0), 6);
    v = (struct iovec){buf, sizeof(buf)};
    m = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v,
                        .msg_iovlen = 1};
    RV_EXPECT_EQ(rove_recvmsg(other, &m, 0), 4);
    RV_EXPECT_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
    RV_EXPECT_EQ(m.msg_namelen, sizeof(from));
    RV_EXPECT_EQ(from.sin_port, a.sin_port);
    RV_EXPECT_EQ(rove_connect(fd, (struct sockaddr *)&b, sizeof(b)), 0);
    RV_EXPECT_EQ(rove_send(fd, NULL, 0, 0), 0);
    RV_EXPECT_EQ(rove_recv(other, buf, sizeof(buf), 0), 0);
    RV_EXPECT_EQ(rove_close(other), 0);
    RV_EXPECT_EQ(rove_send(fd, "x", 1, 0), 1);
    RV_EXPECT_EQ(rove_recv(fd, buf, sizeof(buf), 0), -ECONNREFUSED);
    return rove_close(fd);
}

/* Goal: vectors from none to as many as there may be; empty ones among them. */
RV_TASK_TEST(test_calls_vectors_of_all_lengths)
{
    static char bytes[IOV_MAX + 1];
    static struct iovec v[IOV_MAX + 1];
    char path[64];
    int fd = rove_open(temporary(path), O_RDWR | O_CREAT | O_EXCL, 0600);
    RV_REQUIRE(fd >= 0);
    for (int i = 0; i <= IOV_MAX; i++) {
        bytes[i] = (char)(i % 100);
        v[i] = (struct iovec){&bytes[i], i % 2 == 0};
    }
    RV_EXPECT_EQ(rove_writev(fd, v, 0), 0);
    RV_EXPECT_EQ(rove_writev(fd, v, IOV_MAX), IOV_MAX / 2);
    RV_EXPECT_EQ(rove_writev(fd, v, IOV_MAX + 1), -EINVAL);
    RV_EXPECT_EQ(rove_readv(fd, v, 0), 0);
    RV_EXPECT_EQ(rove_readv(fd, v, IOV_MAX + 1), -EINVAL);
    RV_EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    memset(bytes, 0, sizeof(bytes));
    RV_EXPECT_EQ(rove_readv(fd, v, IOV_MAX), IOV_MAX / 2);
    for (int i = 0; i < IOV_MAX; i++) {
        RV_REQUIRE_EQ(bytes[i], i % 2 == 0 ? i % 100 : 0);
    }
    v[0].iov_len = SIZE_MAX;
    RV_EXPECT_EQ(rove_writev(fd, v, 3), -EINVAL);
    RV_EXPECT_EQ(rove_close(fd), 0);
    return rove_unlink(path);
}

/* Goal: without the alignment that O_DIRECT wants, the outcome is that of the system calls. */
RV_TASK_TEST(test_calls_direct_access_as_the_system_calls)
{
    char path[64];
    char *block = aligned_alloc(4096, 8192);
    RV_REQUIRE(block != NULL);
    memset(block, 'd', 8192);
    int fd = rove_open(temporary(path), O_RDWR | O_CREAT | O_EXCL | O_DIRECT, 0600);
    if (fd == -EINVAL) { /* this file system has no such thing */
        free(block);
        return 0;
    }
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_pwrite(fd, block, 8192, 0), 8192);
    RV_EXPECT_EQ(rove_pread(fd, block, 4096, 4096), 4096);
    for (int i = 0; i < 2; i++) {
        ssize_t want = pread(fd, block + (i != 0), 512 + (i == 0), 0);
        RV_EXPECT_EQ(rove_pread(fd, block + (i != 0), 512 + (i == 0), 0), want < 0 ? -errno : want);
        want = pwrite(fd, block + (i != 0), 512 + (i == 0), 0);
        RV_EXPECT_EQ(rove_pwrite(fd, block + (i != 0), 512 + (i == 0), 0),
                     want < 0 ? -errno : want);
    }
    RV_EXPECT_EQ(rove_close(fd), 0);
    free(block);
    return rove_unlink(path);
}

/* Goal: a device that is full says so, however one writes to it. */
RV_TASK_TEST(test_calls_full_device_is_enospc)
{
    int fd = rove_open("/dev/full", O_RDWR, 0);
    RV_REQUIRE(fd >= 0);
    struct iovec v = {"xyz", 3};
    RV_EXPECT_EQ(rove_write(fd, "x", 1), -ENOSPC);
    RV_EXPECT_EQ(rove_pwrite(fd, "x", 1, 5), -ENOSPC);
    RV_EXPECT_EQ(rove_writev(fd, &v, 1), -ENOSPC);
    RV_EXPECT_EQ(rove_write_all(fd, "xyz", 3), -ENOSPC);
    rove_stream *s = rove_stream_open(fd);
    RV_REQUIRE(s != NULL);
    RV_EXPECT_EQ(rove_stream_write(s, "x", 1), 0);
    RV_EXPECT_EQ(rove_stream_flush(s), -ENOSPC);
    RV_EXPECT_EQ(rove_stream_write(s, "x", 1), -ENOSPC);
    RV_EXPECT_EQ(rove_stream_close(s), -ENOSPC);
    return 0;
}

enum { MUCH = 64 << 20 };

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 12));
}

static int write_much(void *arg, RV_UNUSED void **result)
{
    int fd = *(const int *)arg;
    unsigned char *bytes = malloc(MUCH);
    for (size_t i = 0; i < MUCH; i++) {
        bytes[i] = byte_at(i);
    }
    RV_EXPECT_EQ(rove_write_all(fd, bytes, MUCH), MUCH);
    free(bytes);
    return rove_close(fd);
}

static int move_much(void *arg, RV_UNUSED void **result)
{
    static unsigned char piece[100000];
    size_t done = 0;
    ssize_t n;
    int fds[2];
    int rc = strcmp(arg, "pipe") == 0 ? pipe2(fds, O_CLOEXEC) : pair(fds, SOCK_STREAM);
    RV_REQUIRE_EQ(rc, 0);
    rove_task *t = rove_create_task(write_much, &fds[1]);
    while ((n = rove_read(fds[0], piece, sizeof(piece))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            RV_REQUIRE_EQ(piece[i], byte_at(done + (size_t)i));
        }
        done += (size_t)n;
    }
    RV_EXPECT_EQ(n, 0);
    RV_EXPECT_EQ(done, MUCH);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return rove_close(fds[0]);
}

/* Goal: 64 MiB at once, in the pieces that the other side takes, whole and in order. */
static void test_calls_much_at_once(void **state)
{
    (void)state;
    rv_test_run_on(2, move_much, "pipe");
    rv_test_run_on(2, move_much, "socket");
}

/* Goal: a file lives on without its name; statx of a descriptor; modes and refusals of open. */
RV_TASK_TEST(test_calls_names_and_files_are_two_things)
{
    char path[64], other[64], b = 0;
    struct statx st;
    int fd = rove_open(temporary(path), O_RDWR | O_CREAT | O_EXCL, 0600);
    RV_REQUIRE(fd >= 0);
    RV_EXPECT_EQ(rove_open(path, O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
    RV_EXPECT_EQ(rove_open(path, O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
    RV_EXPECT_EQ(rove_open("/tmp", O_WRONLY, 0), -EISDIR);
    RV_EXPECT_EQ(rove_write(fd, "w", 1), 1);
    RV_EXPECT_EQ(rove_rename(path, temporary(other)), 0);
    RV_EXPECT_EQ(rove_unlink(path), -ENOENT);
    RV_EXPECT_EQ(rove_unlink(other), 0);
    RV_EXPECT_EQ(rove_pread(fd, &b, 1, 0), 1);
    RV_EXPECT_EQ(b, 'w');
    RV_EXPECT_EQ(rove_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_NLINK, &st), 0);
    RV_EXPECT_EQ(st.stx_size, 1);
    RV_EXPECT_EQ(st.stx_nlink, 0);
    RV_EXPECT_EQ(rove_statx(-1, "x", 0, STATX_SIZE, &st), -EBADF);
    RV_EXPECT_EQ(rove_fsync(fd), 0);
    return rove_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_poll_for_room_of_a_half_closed_peer),
        cmocka_unit_test(test_calls_send_to_a_half_closed_peer_waits),
        cmocka_unit_test(test_calls_poll_tells_what_was_asked),
        cmocka_unit_test(test_calls_positions_need_a_file),
        cmocka_unit_test(test_calls_lengths_beyond_32_bits),
        cmocka_unit_test(test_calls_recv_waits_for_all),
        cmocka_unit_test(test_calls_sendfile_reads_files),
        cmocka_unit_test(test_calls_descriptors_are_passed),
        cmocka_unit_test(test_calls_datagrams_tell_their_sender),
        cmocka_unit_test(test_calls_vectors_of_all_lengths),
        cmocka_unit_test(test_calls_direct_access_as_the_system_calls),
        cmocka_unit_test(test_calls_full_device_is_enospc),
        cmocka_unit_test(test_calls_much_at_once),
        cmocka_unit_test(test_calls_names_and_files_are_two_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

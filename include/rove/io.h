// SPDX-License-Identifier: MIT
/*
 * Purpose: operations on file descriptors that suspend the task, never the worker.
 * Idea:    the calls of the man pages under their own names, with the kernel's own return values:
 *          a count or a negative errno. Deadlines come from rove_timeout_enter. Any descriptor
 *          will do, blocking or not; SIGPIPE is never raised and EINTR never returned.
 * Threads: tasks only. Buffers belong to the kernel until the call returns, and not a moment
 *          longer, cancelled or not. A cancelled call that had taken effect returns its effect.
 */
#ifndef ROVE_IO_H
#define ROVE_IO_H

#include <rove/base.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct statx; /* <sys/stat.h> with _GNU_SOURCE, or <linux/stat.h> */

ROVE_BEGIN_DECLS

/**
 * Read some bytes at the descriptor's position.
 *
 * fd   borrowed.
 * buf  room for n bytes.
 *
 * Returns how many were read, 0 at the end · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: read(2).
 */
ROVE_API ssize_t rove_read(int fd, void *buf, size_t n);

/**
 * Write some bytes at the descriptor's position.
 *
 * fd   borrowed.
 * buf  n bytes.
 *
 * Returns how many were written · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: write(2).
 */
ROVE_API ssize_t rove_write(int fd, const void *buf, size_t n);

/**
 * Read some bytes at a position of the file.
 *
 * fd, buf, n  as in rove_read.
 * at          bytes from the start of the file.
 *
 * Returns as rove_read.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: pread(2).
 */
ROVE_API ssize_t rove_pread(int fd, void *buf, size_t n, off_t at);

/**
 * Write some bytes at a position of the file.
 *
 * fd, buf, n  as in rove_write.
 * at          bytes from the start of the file.
 *
 * Returns as rove_write.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: pwrite(2).
 */
ROVE_API ssize_t rove_pwrite(int fd, const void *buf, size_t n, off_t at);

/**
 * Read into several buffers in turn.
 *
 * fd  borrowed.
 * v   n buffers; the array and they stay in place during the call.
 *
 * Returns as rove_read.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: readv(2).
 */
ROVE_API ssize_t rove_readv(int fd, const struct iovec *v, int n);

/**
 * Write from several buffers in turn.
 *
 * fd  borrowed.
 * v   n buffers; the array and they stay in place during the call.
 *
 * Returns as rove_write.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: writev(2).
 */
ROVE_API ssize_t rove_writev(int fd, const struct iovec *v, int n);

/**
 * Receive from a socket.
 *
 * fd     borrowed.
 * buf    room for n bytes.
 * flags  MSG_ flags; MSG_DONTWAIT returns -EAGAIN instead of suspending. MSG_PEEK with MSG_WAITALL
 *        at TCP waits for all by looking again after 0.1 to 26 ms, for nothing tells of more.
 *
 * Returns how many were received, 0 at the end · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: recv(2).
 */
ROVE_API ssize_t rove_recv(int fd, void *buf, size_t n, int flags);

/**
 * Send to a socket.
 *
 * fd     borrowed.
 * buf    n bytes.
 * flags  MSG_ flags; MSG_NOSIGNAL is implied.
 *
 * Returns how many were sent · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: when the socket is full. Cost: one operation; no allocation.
 * Man: send(2).
 */
ROVE_API ssize_t rove_send(int fd, const void *buf, size_t n, int flags);

/**
 * Receive a message with its address and control data.
 *
 * fd     borrowed.
 * m      stays in place during the call, and so does all it points at.
 * flags  MSG_ flags; MSG_WAITALL goes on until the buffers are full, control data other than
 *        credentials comes, the end or an error.
 *
 * Returns as rove_recv.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: recvmsg(2).
 */
ROVE_API ssize_t rove_recvmsg(int fd, struct msghdr *m, int flags);

/**
 * Send a message with an address and control data.
 *
 * fd     borrowed.
 * m      stays in place during the call, and so does all it points at.
 * flags  MSG_ flags; MSG_NOSIGNAL is implied.
 *
 * Returns as rove_send.
 * Threads: task. Suspends: when the socket is full. Cost: one operation; no allocation.
 * Man: sendmsg(2).
 */
ROVE_API ssize_t rove_sendmsg(int fd, const struct msghdr *m, int flags);

/**
 * Read exactly n bytes, or what came before the end.
 *
 * fd, buf, n  as in rove_read.
 *
 * Returns how many were read, below n only at the end · an error, when nothing was read before it.
 * Threads: task. Suspends: yes. Cost: one operation per piece; no allocation.
 * asyncio: StreamReader.readexactly.
 */
ROVE_API ssize_t rove_read_all(int fd, void *buf, size_t n);

/**
 * Write all n bytes.
 *
 * fd, buf, n  as in rove_write.
 *
 * Returns n · how many were written before an error or a cancellation · that error if none were.
 * Threads: task. Suspends: yes. Cost: one operation per piece; no allocation.
 * asyncio: StreamWriter.write and drain.
 */
ROVE_API ssize_t rove_write_all(int fd, const void *buf, size_t n);

/**
 * Accept a connection.
 *
 * fd     a listening socket.
 * addr   receives the peer's address; may be NULL.
 * len    in: room in addr; out: its size; may be NULL when addr is.
 * flags  SOCK_CLOEXEC, SOCK_NONBLOCK.
 *
 * Returns a descriptor that the caller owns · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: accept4(2).
 */
ROVE_API int rove_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags);

/**
 * Connect a socket.
 *
 * fd    borrowed.
 * addr  len bytes, in place during the call.
 *
 * Returns 0 · -ECANCELED (close the socket then) · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: connect(2).
 */
ROVE_API int rove_connect(int fd, const struct sockaddr *addr, socklen_t len);

/**
 * Open a file.
 *
 * path   in place during the call.
 * flags  O_ flags; O_CLOEXEC is implied.
 * mode   of a file that is created.
 *
 * Returns a descriptor that the caller owns · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: open(2).
 */
ROVE_API int rove_open(const char *path, int flags, mode_t mode);

/**
 * Close a descriptor; what other tasks wait for on it ends with -EBADF or -ECANCELED.
 *
 * fd  given up, whatever the outcome.
 *
 * Where close(2) gives a number up instead and nobody waits on it, its next file is waited for
 * anew. But on io_uring rove remembers what the number was: tasks which write a file at its own
 * position where a socket or pipe has been may do so at the same place, unless rove_open opened it;
 * rove_pwrite does not say -ESPIPE where a file has been; and a UNIX datagram to a full queue may
 * be sent empty where a stream has been.
 *
 * Returns 0 · -EPERM · an errno of the man page. Not cut short by cancellation.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: close(2).
 */
ROVE_API int rove_close(int fd);

/**
 * Shut a socket down in one direction or both.
 *
 * fd   borrowed.
 * how  SHUT_RD, SHUT_WR, SHUT_RDWR.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: shutdown(2).
 */
ROVE_API int rove_shutdown(int fd, int how);

/**
 * Bring a file's data and metadata to the disk.
 *
 * fd  borrowed.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: fsync(2).
 */
ROVE_API int rove_fsync(int fd);

/**
 * Bring a file's data to the disk.
 *
 * fd  borrowed.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: fdatasync(2).
 */
ROVE_API int rove_fdatasync(int fd);

/**
 * Ask about a file.
 *
 * dirfd  where a relative path begins; AT_FDCWD.
 * path   in place during the call.
 * flags  AT_ flags.
 * mask   STATX_ bits wanted.
 * out    receives the answer on return 0.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: statx(2).
 */
ROVE_API int rove_statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *out);

/**
 * Remove a file's name.
 *
 * path  in place during the call.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: unlink(2).
 */
ROVE_API int rove_unlink(const char *path);

/**
 * Rename a file.
 *
 * from, to  in place during the call.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: rename(2).
 */
ROVE_API int rove_rename(const char *from, const char *to);

/**
 * Make a directory.
 *
 * path  in place during the call.
 * mode  its permissions before the umask.
 *
 * Returns 0 · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: mkdir(2).
 */
ROVE_API int rove_mkdir(const char *path, mode_t mode);

/**
 * Wait until a descriptor is ready.
 *
 * fd       borrowed.
 * events   POLLIN, POLLOUT, …
 * timeout  nanoseconds; negative waits for ever; 0 only looks.
 *
 * Returns the events that came (POLLERR and POLLHUP unasked) · -ETIMEDOUT · -ECANCELED · -EPERM ·
 * -EBADF.
 * Threads: task. Suspends: unless ready, and in its turn. Cost: one operation, one timer; no
 * allocation.
 * Man: poll(2).
 */
ROVE_API int rove_poll(int fd, short events, rove_duration timeout);

/**
 * Move bytes between two descriptors, one of them a pipe, without copying them.
 *
 * in, out        borrowed.
 * in_at, out_at  positions, advanced by what was moved; NULL: the descriptor's own, or a pipe.
 * n              how many at most.
 *
 * Returns how many were moved, 0 at the end · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: one operation; no allocation.
 * Man: splice(2).
 */
ROVE_API ssize_t rove_splice(int in, off_t *in_at, int out, off_t *out_at, size_t n);

/**
 * Send part of a file.
 *
 * out  borrowed; a socket, pipe or file.
 * in   borrowed; a file.
 * at   the position in `in`, advanced by what was sent; NULL: its own.
 * n    how many at most.
 *
 * Returns how many were sent, 0 at the end · -ECANCELED · -EPERM · an errno of the man page.
 * Threads: task. Suspends: yes. Cost: two operations per pipe-full; a pipe from a cache.
 * asyncio: loop.sendfile.
 */
ROVE_API ssize_t rove_sendfile(int out, int in, off_t *at, size_t n);

ROVE_END_DECLS

#endif

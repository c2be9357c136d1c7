// SPDX-License-Identifier: MIT
/*
 * Purpose: addresses, listening and dialling, buffered streams, servers.
 * Idea:    an address is a string: "127.0.0.1:8080", "[::1]:8080", "localhost:http", ":0",
 *          "unix:/path", "unix:@abstract". A stream owns its descriptor and buffers both ways.
 * Threads: tasks only. A stream has one reader at a time, a second one gets -EBUSY; writers take
 *          turns, so that messages stay in one piece. Readers and writers may be different tasks.
 */
#ifndef ROVE_NET_H
#define ROVE_NET_H

#include <rove/base.h>

struct addrinfo; /* <netdb.h> */

ROVE_BEGIN_DECLS

/**
 * Make a listening socket with SO_REUSEADDR.
 *
 * address  as above; port 0 lets the kernel choose; a stale unix socket file is replaced.
 * backlog  0: the system's largest.
 *
 * Returns a descriptor that the caller owns · -EINVAL (not an address, or no such service) ·
 * -ENOENT (no such host) · -EAGAIN, -EIO (no answer, for now or at all) · -EPERM · an errno.
 * Threads: task. Suspends: while a name is resolved. Cost: a few system calls.
 * Man: listen(2).
 */
ROVE_API int rove_listen(const char *address, int backlog);

/**
 * Resolve an address and connect, trying every one it has (happy eyeballs).
 *
 * address  as above.
 *
 * Returns a connected socket that the caller owns · -EINVAL, -ENOENT, -EAGAIN, -EIO as
 * rove_listen · -ECANCELED · -EPERM · the errno of the first address that failed.
 * Threads: task. Suspends: yes. Cost: one operation and one task per address tried.
 * asyncio: create_connection(happy_eyeballs_delay=).
 */
ROVE_API int rove_dial(const char *address);

/**
 * Resolve a name on the thread pool.
 *
 * node, service, hints  as in the man page, in place during the call.
 * out                   receives a list for freeaddrinfo(3) on return 0.
 *
 * Returns 0 · an EAI_ code (negative too; gai_strerror(3) names it) · -ECANCELED · -EPERM.
 * Threads: task. Suspends: yes. Cost: as rove_to_thread.
 * Man: getaddrinfo(3).
 */
ROVE_API int rove_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                              struct addrinfo **out);

typedef struct rove_stream rove_stream; /* opaque */

/**
 * Make a stream of a descriptor.
 *
 * fd  the stream owns it from return on; when NULL is returned the caller still does.
 *
 * Returns a stream, ended by rove_stream_close; NULL when memory is exhausted or outside a task.
 * Threads: task. Suspends: no. Cost: one allocation; buffers come when they are needed.
 * asyncio: open_connection(sock=).
 */
ROVE_API rove_stream *rove_stream_open(int fd);

/**
 * rove_dial, then rove_stream_open.
 *
 * address  as above.
 * s        receives the stream on return 0.
 *
 * Returns 0 · as rove_dial · -ENOMEM.
 * Threads: task. Suspends: yes. Cost: as rove_dial.
 * asyncio: open_connection.
 */
ROVE_API int rove_stream_dial(const char *address, rove_stream **s);

/**
 * Read some bytes.
 *
 * s    borrowed.
 * buf  room for n bytes.
 *
 * Returns how many were read, 0 at the end · -ECANCELED · -EBUSY (another task reads) · -EINVAL ·
 * -EPERM · an errno, which stays.
 * Threads: task. Suspends: unless some are buffered. Cost: at most one operation.
 * asyncio: StreamReader.read.
 */
ROVE_API ssize_t rove_stream_read(rove_stream *s, void *buf, size_t n);

/**
 * Read exactly n bytes.
 *
 * s    borrowed.
 * buf  room for n bytes.
 *
 * Returns n · -ENODATA (the end came first; what came before it can still be read) · -ECANCELED
 * (nothing is lost) · -EBUSY · -EINVAL · -EPERM · an errno.
 * Threads: task. Suspends: unless enough are buffered. Cost: one operation per piece.
 * asyncio: StreamReader.readexactly.
 */
ROVE_API ssize_t rove_stream_read_exactly(rove_stream *s, void *buf, size_t n);

/**
 * Read up to a separator, and it too.
 *
 * s        borrowed.
 * sep      sep_len bytes, at least 1.
 * data     receives a view into the stream's buffer, valid until the next read.
 *
 * Returns the length of the view · 0 (the end, nothing buffered) · -ENODATA (the end came before
 * a separator; what came can still be read) · -EMSGSIZE (more than the limit before a separator;
 * nothing was taken) · -ECANCELED (nothing is lost) · -EBUSY · -EINVAL · -EPERM · an errno.
 * Threads: task. Suspends: unless buffered. Cost: one operation per piece.
 * asyncio: StreamReader.readuntil.
 */
ROVE_API ssize_t rove_stream_read_until(rove_stream *s, const void *sep, size_t sep_len,
                                        const char **data);

/**
 * Read a line with its newline; the last may lack it.
 *
 * s     borrowed.
 * line  as data in rove_stream_read_until.
 *
 * Returns the length of the view · 0 (the end) · -EMSGSIZE (past the limit; what has come of the
 * line is dropped) · -ECANCELED (nothing is lost) · -EBUSY · -EINVAL · -EPERM · an errno.
 * Threads: task. Suspends: unless buffered. Cost: one operation per piece.
 * asyncio: StreamReader.readline.
 */
ROVE_API ssize_t rove_stream_read_line(rove_stream *s, const char **line);

/**
 * Put bytes into the stream's buffer, which is sent soon: when the task suspends, or reads on.
 *
 * s    borrowed.
 * buf  n bytes, copied or sent before the return.
 *
 * Returns 0 · -EPIPE (shut down) · -ECANCELED (while it waited for the buffer to empty: the bytes
 * are in it; while it waited for another task's large write: none of them is) · -ENOMEM · -EINVAL ·
 * -EPERM · the error of an earlier send.
 * Threads: task. Suspends: only above the high-water mark (64 KiB), or while another task's large
 * write goes on. Cost: one copy, none of a large one; pieces written together leave together.
 * asyncio: StreamWriter.write and drain.
 */
ROVE_API int rove_stream_write(rove_stream *s, const void *buf, size_t n);

/**
 * Send all that is buffered.
 *
 * s  borrowed.
 *
 * Returns 0 · -ECANCELED (what was not sent stays buffered) · -EPERM · an errno.
 * Threads: task. Suspends: until the kernel has it. Cost: one operation per piece.
 * asyncio: StreamWriter.drain.
 */
ROVE_API int rove_stream_flush(rove_stream *s);

/**
 * Flush, then tell the peer that no more will come; reading goes on.
 *
 * s  borrowed.
 *
 * Returns 0 · as rove_stream_flush.
 * Threads: task. Suspends: as rove_stream_flush. Cost: one operation more.
 * asyncio: StreamWriter.write_eof.
 */
ROVE_API int rove_stream_shutdown(rove_stream *s);

/**
 * Flush, close the descriptor and free the stream.
 *
 * s  invalid afterwards, whatever the outcome; NULL is allowed. A server's or a process's is closed
 *    and stays theirs.
 *
 * Returns 0 · the error of the flush or of close(2) · -EPERM.
 * Threads: task. Suspends: while flushing. Cost: one operation or two.
 * asyncio: StreamWriter.close and wait_closed.
 */
ROVE_API int rove_stream_close(rove_stream *s);

/**
 * The descriptor of a stream.
 *
 * s  borrowed.
 *
 * Returns it, borrowed, for its options and names: what comes in is the stream's to receive, also
 * while nobody reads · -EINVAL (s is NULL) · -EPERM.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: StreamWriter.get_extra_info("socket").
 */
ROVE_API int rove_stream_fd(const rove_stream *s);

/**
 * Set how far rove_stream_read_until looks.
 *
 * s      borrowed.
 * bytes  at least 1; 64 KiB unless set.
 *
 * Returns nothing.
 * Threads: task. Suspends: no. Cost: none.
 * asyncio: open_connection(limit=).
 */
ROVE_API void rove_stream_set_limit(rove_stream *s, size_t bytes);

typedef struct rove_server rove_server; /* opaque */

/* Runs as one task a connection; the server closes s when it returns, if the handler has not. */
typedef int rove_handler(rove_stream *s, void *ctx);

typedef struct rove_server_options { /* all-zero = the defaults */
    int backlog;                     /* 0: the system's largest */
    unsigned max_connections;        /* accepting pauses at that many; 0: no limit */
    bool reuse_port;                 /* SO_REUSEPORT */
    rove_duration idle_timeout;      /* a read that waits longer gets -ETIMEDOUT; 0: none */
} rove_server_options;

/**
 * Listen, and run a handler for each connection.
 *
 * address  as above.
 * handler  gets a stream with TCP_NODELAY set.
 * ctx      handed to handler; must live until the stop.
 * options  read during the call only; NULL: the defaults.
 * server   receives the server on return 0; ended by rove_server_stop.
 *
 * Returns 0 · -EINVAL · -ENOMEM · -EPERM · an errno of socket, bind or listen.
 * Threads: task. Suspends: while a name is resolved. Cost: one task that accepts, or a few.
 * asyncio: start_server.
 */
ROVE_API int rove_server_start(const char *address, rove_handler *handler, void *ctx,
                               const rove_server_options *options, rove_server **server);

/**
 * The port a server listens on.
 *
 * s  borrowed.
 *
 * Returns the port, 0 for a unix socket · -EINVAL · -EPERM.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: Server.sockets[0].getsockname()[1].
 */
ROVE_API int rove_server_port(const rove_server *s);

/**
 * How many connections a server has now.
 *
 * s  borrowed.
 *
 * Returns the count, true at some moment of the call.
 * Threads: task. Suspends: no. Cost: one load.
 * asyncio: len(server._clients).
 */
ROVE_API size_t rove_server_connections(const rove_server *s);

/**
 * Stop accepting, let the handlers end, cancel those that remain, free the server.
 *
 * s      invalid afterwards.
 * grace  nanoseconds for the handlers; 0 cancels at once; negative waits for ever.
 *
 * Returns 0 (all ended within grace) · -ETIMEDOUT (some were cancelled) · -ECANCELED (the caller
 * was cancelled; the handlers were too, and have ended) · -EDEADLK (in a handler of s: nothing was
 * done) · -EPERM.
 * Threads: task; any thread once all tasks of s have ended, as at the end of its runtime, which
 * closes what it listens on. Suspends: yes. Cost: one request per handler that remains.
 * asyncio: Server.close and wait_closed.
 */
ROVE_API int rove_server_stop(rove_server *s, rove_duration grace);

ROVE_END_DECLS

#endif

// SPDX-License-Identifier: MIT
/*
 * Purpose: the system calls on descriptors that the library makes itself, in a simulation: as the C
 *          library has them, errno included. io/sim_names.h puts them in their place.
 * Threads: virtual ones; each call is a point.
 */
#ifndef RV_IO_SIM_CALL_H
#define RV_IO_SIM_CALL_H

#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

int rv_sim_eventfd(unsigned count, int flags);
int rv_sim_close(int fd);
ssize_t rv_sim_read(int fd, void *buf, size_t n);
ssize_t rv_sim_write(int fd, const void *buf, size_t n);
ssize_t rv_sim_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags);
ssize_t rv_sim_pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags);
ssize_t rv_sim_recv(int fd, void *buf, size_t n, int flags);
ssize_t rv_sim_send(int fd, const void *buf, size_t n, int flags);
ssize_t rv_sim_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t rv_sim_sendmsg(int fd, const struct msghdr *m, int flags);
int rv_sim_socket(int family, int type, int protocol);
int rv_sim_bind(int fd, const struct sockaddr *addr, socklen_t len);
int rv_sim_listen(int fd, int backlog);
int rv_sim_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int rv_sim_connect(int fd, const struct sockaddr *addr, socklen_t len);
int rv_sim_shutdown(int fd, int how);
int rv_sim_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int rv_sim_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int rv_sim_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int rv_sim_fcntl(int fd, int command, ...);
int rv_sim_fstat(int fd, struct stat *st);
int rv_sim_poll(struct pollfd *fds, nfds_t n, int timeout);

/* The port of an IPv4 or IPv6 address; a UNIX one stands for the sum of its name. */
uint16_t rv_sim_port_of(const struct sockaddr *addr);
/* Where f is to be found, as accept and getsockname tell it. */
struct rv_sim_file;
void rv_sim_call_address(const struct rv_sim_file *f, struct sockaddr *addr, socklen_t *len);
/* Vectors one piece after the other: bytes moved, or the first piece's error. */
ssize_t rv_sim_readv(int fd, const struct iovec *v, size_t n);
ssize_t rv_sim_writev(int fd, const struct iovec *v, size_t n);

#endif

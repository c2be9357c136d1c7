// SPDX-License-Identifier: MIT
/*
 * Purpose: system calls of a simulation, io/sim_call.h.
 */
#include "io/sim_call.h"

#include "core/base.h"
#include "core/sim.h"
#include "io/sim_file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>

/* Into the kernel; the call may come at any instant of the others. */
static struct rv_sim_file *enter(int fd)
{
    rv_sim_point();
    rv_sim_kernel_enter();
    return rv_sim_file_get(fd);
}

static ssize_t leave(ssize_t rc)
{
    rv_sim_kernel_leave();
    if (rc < 0) {
        errno = (int)-rc;
        return -1;
    }
    return rc;
}

int rv_sim_eventfd(unsigned count, int flags)
{
    (void)enter(-1);
    return (int)leave(rv_sim_file_open_event(count, (flags & EFD_NONBLOCK) != 0));
}

int rv_sim_close(int fd)
{
    (void)enter(fd);
    return (int)leave(rv_sim_file_close(fd));
}

ssize_t rv_sim_read(int fd, void *buf, size_t n)
{
    struct rv_sim_file *f = enter(fd);
    return leave(f == NULL ? -EBADF : rv_sim_file_read(f, buf, n, false));
}

ssize_t rv_sim_write(int fd, const void *buf, size_t n)
{
    struct rv_sim_file *f = enter(fd);
    return leave(f == NULL ? -EBADF : rv_sim_file_write(f, buf, n));
}

/* Only disk files have positions and caches; there are none here. */
ssize_t rv_sim_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
    struct rv_sim_file *f = enter(fd);
    (void)flags;
    return leave(f == NULL ? -EBADF : at >= 0 ? -ESPIPE : rv_sim_readv(fd, v, (size_t)n));
}

ssize_t rv_sim_pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
    struct rv_sim_file *f = enter(fd);
    (void)flags;
    return leave(f == NULL ? -EBADF : at >= 0 ? -ESPIPE : rv_sim_writev(fd, v, (size_t)n));
}

ssize_t rv_sim_readv(int fd, const struct iovec *v, size_t n)
{
    struct rv_sim_file *f = rv_sim_file_get(fd);
    ssize_t done = 0;
    for (size_t i = 0; i < n && f != NULL; i++) {
        ssize_t rc = rv_sim_file_read(f, v[i].iov_base, v[i].iov_len, false);
        if (rc < 0) {
            return done > 0 ? done : rc;
        }
        done += rc;
        if ((size_t)rc < v[i].iov_len) {
            break;
        }
    }
    return f == NULL ? -EBADF : done;
}

ssize_t rv_sim_writev(int fd, const struct iovec *v, size_t n)
{
    struct rv_sim_file *f = rv_sim_file_get(fd);
    ssize_t done = 0;
    for (size_t i = 0; i < n && f != NULL; i++) {
        ssize_t rc = rv_sim_file_write(f, v[i].iov_base, v[i].iov_len);
        if (rc < 0) {
            return done > 0 ? done : rc;
        }
        done += rc;
        if ((size_t)rc < v[i].iov_len) {
            break;
        }
    }
    return f == NULL ? -EBADF : done;
}

ssize_t rv_sim_recv(int fd, void *buf, size_t n, int flags)
{
    struct rv_sim_file *f = enter(fd);
    return leave(f == NULL ? -EBADF : rv_sim_file_read(f, buf, n, (flags & MSG_PEEK) != 0));
}

ssize_t rv_sim_send(int fd, const void *buf, size_t n, int flags)
{
    (void)flags;
    return rv_sim_write(fd, buf, n);
}

ssize_t rv_sim_recvmsg(int fd, struct msghdr *m, int flags)
{
    (void)flags;
    (void)enter(fd);
    m->msg_controllen = 0;
    m->msg_namelen = 0;
    m->msg_flags = 0;
    return leave(rv_sim_readv(fd, m->msg_iov, m->msg_iovlen));
}

ssize_t rv_sim_sendmsg(int fd, const struct msghdr *m, int flags)
{
    (void)flags;
    (void)enter(fd);
    return leave(rv_sim_writev(fd, m->msg_iov, m->msg_iovlen));
}

int rv_sim_socket(int family, int type, int protocol)
{
    (void)family;
    (void)protocol;
    (void)enter(-1);
    return (int)leave(rv_sim_file_open_socket((type & SOCK_NONBLOCK) != 0));
}

uint16_t rv_sim_port_of(const struct sockaddr *addr)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)addr;
    unsigned sum = 1;
    if (addr->sa_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)addr)->sin_port);
    }
    if (addr->sa_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)addr)->sin6_port);
    }
    for (const char *c = un->sun_path; *c != '\0'; c++) {
        sum = sum * 31 + (unsigned char)*c;
    }
    return (uint16_t)(sum % 40000 + 1);
}

int rv_sim_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct rv_sim_file *f = enter(fd);
    (void)len;
    return (int)leave(f == NULL ? -EBADF : rv_sim_file_bind(f, rv_sim_port_of(addr)));
}

int rv_sim_listen(int fd, int backlog)
{
    struct rv_sim_file *f = enter(fd);
    return (int)leave(f == NULL ? -EBADF : rv_sim_file_listen(f, backlog));
}

/* Every address is this machine's. */
void rv_sim_call_address(const struct rv_sim_file *f, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(f->port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (addr != NULL && len != NULL) {
        memcpy(addr, &in, *len < sizeof(in) ? *len : sizeof(in));
        *len = sizeof(in);
    }
}

int rv_sim_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct rv_sim_file *f = enter(fd);
    int rc = f == NULL ? -EBADF : rv_sim_file_accept(f, (flags & SOCK_NONBLOCK) != 0);
    if (rc >= 0) {
        rv_sim_call_address(rv_sim_file_get(rc), addr, len);
    }
    return (int)leave(rc);
}

int rv_sim_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct rv_sim_file *f = enter(fd);
    (void)len;
    return (int)leave(f == NULL ? -EBADF : rv_sim_file_connect(f, rv_sim_port_of(addr)));
}

int rv_sim_shutdown(int fd, int how)
{
    struct rv_sim_file *f = enter(fd);
    return (int)leave(f == NULL ? -EBADF : rv_sim_file_shutdown(f, how));
}

int rv_sim_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct rv_sim_file *f = enter(fd);
    if (f != NULL) {
        rv_sim_call_address(f, addr, len);
    }
    return (int)leave(f == NULL ? -EBADF : 0);
}

int rv_sim_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    struct rv_sim_file *f = enter(fd);
    bool is_socket = f != NULL && (f->kind == RV_SIM_SOCKET || f->kind == RV_SIM_LISTENER);
    bool is_known = option == SO_ERROR || option == SO_TYPE;
    if (!is_socket) {
        return (int)leave(f == NULL ? -EBADF : -ENOTSOCK);
    }
    if (level != SOL_SOCKET || !is_known || *len < sizeof(int)) {
        return (int)leave(-ENOPROTOOPT);
    }
    *(int *)value = option == SO_TYPE ? SOCK_STREAM : 0;
    return (int)leave(0);
}

int rv_sim_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    struct rv_sim_file *f = enter(fd);
    (void)level;
    (void)option;
    (void)value;
    (void)len;
    return (int)leave(f == NULL ? -EBADF : 0);
}

int rv_sim_fcntl(int fd, int command, ...)
{
    struct rv_sim_file *f = enter(fd);
    int rc = f == NULL ? -EBADF : -EINVAL;
    if (f != NULL && command == F_GETFL) {
        rc = f->is_nonblocking ? O_RDWR | O_NONBLOCK : O_RDWR;
    } else if (f != NULL && command == F_SETFL) {
        va_list args;
        va_start(args, command);
        f->is_nonblocking = (va_arg(args, int) & O_NONBLOCK) != 0;
        va_end(args);
        rc = 0;
    }
    return (int)leave(rc);
}

int rv_sim_fstat(int fd, struct stat *st)
{
    struct rv_sim_file *f = enter(fd);
    memset(st, 0, sizeof(*st));
    if (f != NULL) {
        bool is_socket = f->kind == RV_SIM_SOCKET || f->kind == RV_SIM_LISTENER;
        st->st_mode = is_socket ? S_IFSOCK : S_IFIFO;
        st->st_ino = (ino_t)(uintptr_t)f;
    }
    return (int)leave(f == NULL ? -EBADF : 0);
}

int rv_sim_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int ready = 0;
    (void)timeout; /* always 0 in this library: it looks, the reactor waits */
    rv_sim_point();
    rv_sim_kernel_enter();
    for (nfds_t i = 0; i < n; i++) {
        struct rv_sim_file *f = rv_sim_file_get(fds[i].fd);
        unsigned wanted = (unsigned short)fds[i].events | POLLERR | POLLHUP;
        fds[i].revents = (short)(f == NULL ? POLLNVAL : (int)(rv_sim_file_events(f) & wanted));
        ready += fds[i].revents != 0;
    }
    return (int)leave(ready);
}

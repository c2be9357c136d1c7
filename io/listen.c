// SPDX-License-Identifier: MIT
/*
 * Purpose: listening sockets.
 *
 * The socket of a UNIX address outlives its process as a file. If nobody accepts there, it is
 * stale and replaced; if somebody does, the answer is -EADDRINUSE as for a port.
 */
#include "io/listen.h"

#include "core/base.h"
#include "io/address.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <rove/net.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_stale(const struct rv_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    struct stat st;
    if (un->sun_path[0] == '\0' || lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool is_refused = connect(fd, (const struct sockaddr *)un, address->len) < 0 &&
                      errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

static int bind_address(int fd, const struct rv_address *address)
{
    const struct sockaddr *sa = (const struct sockaddr *)&address->storage;
    if (bind(fd, sa, address->len) == 0) {
        return 0;
    }
    if (errno == EADDRINUSE && sa->sa_family == AF_UNIX && is_stale(address)) {
        unlink(((const struct sockaddr_un *)sa)->sun_path);
        return bind(fd, sa, address->len) == 0 ? 0 : -errno;
    }
    return -errno;
}

struct how {
    int backlog;
    int type_flags;      /* of socket(2) */
    bool is_port_shared; /* SO_REUSEPORT */
};

/* A listening socket, or a negative errno. Never suspends. */
static RV_NOINLINE int listen_at(const struct rv_address *address, const struct how *how)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | how->type_flags, 0);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    int off = 0;
    if (family != AF_UNIX) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (family != AF_UNIX && how->is_port_shared) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    int rc = bind_address(fd, address);
    if (rc == 0 && listen(fd, how->backlog > 0 ? how->backlog : SOMAXCONN) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

static int listen_any(unsigned port, const struct how *how)
{
    struct rv_address address;
    rv_address_any(&address, true, port);
    int fd = listen_at(&address, how);
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
        rv_address_any(&address, false, port);
        fd = listen_at(&address, how);
    }
    return fd;
}

static int listen_name(const struct rv_address_name *name, const struct how *how)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int rc = rove_getaddrinfo(name->host[0] == '\0' ? NULL : name->host, name->service, &hints,
                              &list);
    if (rc != 0) {
        return rv_address_error(rc);
    }
    int fd = -EINVAL;
    for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
        struct rv_address address = {.len = ai->ai_addrlen};
        memcpy(&address.storage, ai->ai_addr, ai->ai_addrlen);
        fd = listen_at(&address, how);
    }
    freeaddrinfo(list);
    return fd;
}

int rv_listen_open(struct rv_task *self, const char *address, int backlog, bool is_port_shared)
{
    struct rv_address ready;
    struct rv_address_name name;
    int form = rv_address_parse(address, &ready, &name);
    if (form < 0) {
        return form;
    }
    bool is_nonblocking = rv_reactor_of(self->runtime)->wants_nonblocking;
    struct how how = {.backlog = backlog,
                      .type_flags = is_nonblocking ? SOCK_NONBLOCK : 0,
                      .is_port_shared = is_port_shared};
    if (form == RV_ADDRESS_READY) {
        return listen_at(&ready, &how);
    }
    int port = rv_address_port(name.service);
    if (name.host[0] == '\0' && port >= 0) {
        return listen_any((unsigned)port, &how);
    }
    return listen_name(&name, &how);
}

int rove_listen(const char *address, int backlog)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    return address == NULL ? -EINVAL : rv_listen_open(self, address, backlog, false);
}

/* The path of a UNIX socket's file: false: it has none. */
static RV_NOINLINE bool path_of(int fd, struct sockaddr_un *at)
{
    socklen_t len = sizeof(*at);
    *at = (struct sockaddr_un){0};
    return getsockname(fd, (struct sockaddr *)at, &len) == 0 && at->sun_family == AF_UNIX &&
           at->sun_path[0] != '\0';
}

RV_NOINLINE void rv_listen_remember(int fd, struct stat *file)
{
    struct sockaddr_un at;
    if (!path_of(fd, &at) || lstat(at.sun_path, file) < 0) {
        file->st_ino = 0;
    }
}

RV_NOINLINE void rv_listen_remove(int fd, const struct stat *file)
{
    struct sockaddr_un at;
    struct stat now;
    if (file->st_ino != 0 && path_of(fd, &at) && lstat(at.sun_path, &now) == 0 &&
        now.st_ino == file->st_ino && now.st_dev == file->st_dev) {
        (void)unlink(at.sun_path);
    }
}

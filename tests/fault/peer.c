// SPDX-License-Identifier: MIT
/*
 * Purpose: bad peers, peer.h. The child of fork uses nothing but system calls.
 */
#include "fault/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 3 };

static int come(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((unsigned short)port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        _exit(1);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        n -= (size_t)sent;
    }
}

static void listen_to_end(int fd)
{
    char data[512];
    while (recv(fd, data, sizeof data, 0) > 0) {
    }
}

/* A socket that is closed in repair mode sends nothing: the other side is left half open. */
static void vanish(int fd)
{
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0) {
        close(fd);
    }
}

static void misbehave(int fd, enum rv_peer_kind kind, const char *request)
{
    struct linger at_once = {.l_onoff = 1};
    size_t n = strlen(request);
    switch (kind) {
    case RV_PEER_NONE:
        break;
    case RV_PEER_STOPPED:
        say(fd, request, n / 2);
        break;
    case RV_PEER_RESET:
        say(fd, request, n / 2);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
        break;
    case RV_PEER_HALF_OPEN:
        say(fd, request, n / 2);
        vanish(fd);
        break;
    case RV_PEER_DRIBBLE:
        for (size_t i = 0; i < n; i++) {
            say(fd, request + i, 1);
        }
        shutdown(fd, SHUT_WR);
        listen_to_end(fd);
        break;
    case RV_PEER_DEAF:
        (void)fcntl(fd, F_SETFL, O_NONBLOCK); /* until both sides' buffers are full */
        for (int i = 0; i < 100000 && send(fd, request, n, MSG_NOSIGNAL) > 0; i++) {
        }
        break;
    case RV_PEER_HALF_CLOSED:
        say(fd, request, n / 2);
        shutdown(fd, SHUT_WR);
        listen_to_end(fd);
        break;
    }
}

static void live(int from, enum rv_peer_kind kind, const char *request)
{
    int port = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(from, &port, sizeof port) != sizeof port) {
        _exit(0);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        misbehave(come(port), kind, request);
    }
    if (kind == RV_PEER_STOPPED) {
        raise(SIGSTOP);
    }
    while (read(from, &port, sizeof port) > 0) { /* until the other end is closed */
    }
    _exit(0);
}

int rv_peer_start(struct rv_peer *peer, enum rv_peer_kind kind, const char *request)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    peer->pid = fork();
    if (peer->pid == 0) {
        close(fds[1]);
        live(fds[0], kind, request);
    }
    int rc = peer->pid < 0 ? -errno : 0;
    close(fds[0]);
    peer->fd = fds[1];
    if (rc < 0) {
        close(fds[1]);
    }
    return rc;
}

void rv_peer_end(struct rv_peer *peer)
{
    close(peer->fd);
    (void)kill(peer->pid, SIGKILL);
    while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

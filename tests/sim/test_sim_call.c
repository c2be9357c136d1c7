// SPDX-License-Identifier: MIT
/*
 * Purpose: io/sim_call.h: the C library's calls on simulated descriptors: -1 and errno, addresses,
 *          vectors, modes.
 */
#include "io/sim_call.h"

#include "core/base.h"
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

enum { SEEDS = 60, NOBODY = 77 };

/* The call failed with this. */
static bool says(ssize_t rc, int error)
{
    return rc == -1 && errno == error;
}

/* Goal: a number that is nobody's: every call says so. */
static void check_bad_numbers(void *ctx)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr *addr = (struct sockaddr *)&in;
    socklen_t len = sizeof in;
    struct iovec v = {&in, sizeof in};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct stat st;
    int value = 0;
    (void)ctx;
    RV_SEE(says(rv_sim_close(NOBODY), EBADF));
    RV_SEE(says(rv_sim_read(NOBODY, &in, 1), EBADF) && says(rv_sim_write(NOBODY, &in, 1), EBADF));
    RV_SEE(says(rv_sim_recv(NOBODY, &in, 1, 0), EBADF));
    RV_SEE(says(rv_sim_send(NOBODY, &in, 1, 0), EBADF));
    RV_SEE(says(rv_sim_recvmsg(NOBODY, &m, 0), EBADF));
    RV_SEE(says(rv_sim_sendmsg(NOBODY, &m, 0), EBADF));
    RV_SEE(says(rv_sim_preadv2(NOBODY, &v, 1, -1, 0), EBADF));
    RV_SEE(says(rv_sim_pwritev2(NOBODY, &v, 1, -1, 0), EBADF));
    RV_SEE(says(rv_sim_bind(NOBODY, addr, len), EBADF) && says(rv_sim_listen(NOBODY, 1), EBADF));
    RV_SEE(says(rv_sim_accept4(NOBODY, addr, &len, 0), EBADF));
    RV_SEE(says(rv_sim_connect(NOBODY, addr, len), EBADF));
    RV_SEE(says(rv_sim_shutdown(NOBODY, SHUT_WR), EBADF));
    RV_SEE(says(rv_sim_getsockname(NOBODY, addr, &len), EBADF));
    RV_SEE(says(rv_sim_setsockopt(NOBODY, SOL_SOCKET, SO_ERROR, &value, 4), EBADF));
    RV_SEE(says(rv_sim_fcntl(NOBODY, F_GETFL), EBADF) && says(rv_sim_fstat(NOBODY, &st), EBADF));
    struct pollfd p = {.fd = NOBODY, .events = POLLIN};
    RV_SEE(rv_sim_poll(&p, 1, 0) == 1 && p.revents == POLLNVAL);
}

/* Goal: vectors go piece by piece and stop where the kernel would; positions are a disk's. */
static void check_vectors(void *ctx)
{
    int fds[2];
    char a[3] = "";
    char b[5] = "";
    struct iovec in[] = {{a, 2}, {b, 4}};
    struct iovec out[] = {{(char[]){"uv"}, 2}, {NULL, 0}, {(char[]){"wxy"}, 3}};
    size_t got = 0;
    (void)ctx;
    RV_SEE(rv_sim_file_open_pair(fds) == 0);
    RV_SEE(says(rv_sim_preadv2(fds[0], in, 2, -1, 0), EAGAIN));
    RV_SEE(says(rv_sim_preadv2(fds[0], in, 2, 5, 0), ESPIPE));
    RV_SEE(says(rv_sim_pwritev2(fds[1], out, 3, 0, 0), ESPIPE));
    ssize_t sent = rv_sim_pwritev2(fds[1], out, 3, -1, 0); /* a tiny channel takes less */
    RV_SEE(sent >= 1 && sent <= 5);
    ssize_t n;
    while ((n = rv_sim_preadv2(fds[0], in, 2, -1, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            RV_SEE((i < 2 ? a[i] : b[i - 2]) == "uvwxy"[got + (size_t)i]);
        got += (size_t)n;
    }
    RV_SEE(got == (size_t)sent);
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 1, .msg_controllen = 9};
    RV_SEE(rv_sim_sendmsg(fds[1], &m, 0) >= 1);
    m.msg_iov = in;
    RV_SEE(rv_sim_recvmsg(fds[0], &m, 0) >= 1 && a[0] == 'u' && m.msg_controllen == 0);
    RV_SEE(rv_sim_close(fds[0]) == 0 && rv_sim_close(fds[1]) == 0);
}

/* Goal: addresses: ports of each family, what accept and getsockname tell, cut to the room. */
static void check_addresses(void *ctx)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4321)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(99)};
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/tmp/a"};
    struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "/tmp/b"};
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    (void)ctx;
    RV_SEE(rv_sim_port_of((struct sockaddr *)&in) == 4321);
    RV_SEE(rv_sim_port_of((struct sockaddr *)&in6) == 99);
    uint16_t port = rv_sim_port_of((struct sockaddr *)&un);
    RV_SEE(port != 0 && port != rv_sim_port_of((struct sockaddr *)&other));
    int listener = rv_sim_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    RV_SEE(rv_sim_fcntl(listener, F_GETFL) == (O_RDWR | O_NONBLOCK));
    RV_SEE(rv_sim_fcntl(listener, F_SETFL, O_RDWR) == 0);
    RV_SEE(rv_sim_fcntl(listener, F_GETFL) == O_RDWR);
    RV_SEE(says(rv_sim_fcntl(listener, F_GETFD), EINVAL));
    RV_SEE(rv_sim_bind(listener, (struct sockaddr *)&in, sizeof in) == 0);
    RV_SEE(rv_sim_listen(listener, 3) == 0);
    RV_SEE(rv_sim_getsockname(listener, (struct sockaddr *)&name, &len) == 0);
    RV_SEE(len == sizeof name && ntohs(name.sin_port) == 4321);
    int client = rv_sim_socket(AF_INET, SOCK_STREAM, 0);
    RV_SEE(rv_sim_connect(client, (struct sockaddr *)&in, sizeof in) == 0);
    char cut[sizeof in + 1];
    memset(cut, 0x55, sizeof cut);
    len = 4;
    int server = rv_sim_accept4(listener, (struct sockaddr *)(void *)cut, &len, SOCK_NONBLOCK);
    RV_SEE(server > client && len == sizeof in && cut[4] == 0x55);
    RV_SEE(rv_sim_fcntl(server, F_GETFL) == (O_RDWR | O_NONBLOCK));
    RV_SEE(says(rv_sim_accept4(listener, NULL, NULL, 0), EAGAIN));
    RV_SEE(rv_sim_send(client, "m", 1, 0) == 1);
    RV_SEE(rv_sim_recv(server, cut, 1, MSG_PEEK) == 1 && cut[0] == 'm');
    RV_SEE(rv_sim_recv(server, cut, 1, 0) == 1);
    RV_SEE(rv_sim_shutdown(client, SHUT_WR) == 0 && rv_sim_read(server, cut, 1) == 0);
    for (int fd = listener; fd <= server; fd++)
        RV_SEE(rv_sim_close(fd) == 0);
}

/* Goal: kinds, options and readiness. */
static void check_looks(void *ctx)
{
    int fds[2];
    struct stat st;
    int error = 5;
    socklen_t len = sizeof error;
    (void)ctx;
    RV_SEE(rv_sim_file_open_pair(fds) == 0);
    int event = rv_sim_eventfd(1, 0);
    RV_SEE(rv_sim_fstat(fds[0], &st) == 0 && S_ISSOCK(st.st_mode));
    RV_SEE(rv_sim_fstat(event, &st) == 0 && !S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode));
    RV_SEE(rv_sim_getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
    RV_SEE(says(rv_sim_getsockopt(fds[0], SOL_SOCKET, SO_INCOMING_CPU, &error, &len),
                ENOPROTOOPT));
    RV_SEE(rv_sim_setsockopt(fds[0], SOL_SOCKET, SO_REUSEADDR, &error, len) == 0);
    struct pollfd p[] = {{.fd = fds[0], .events = POLLIN}, {.fd = event, .events = POLLIN},
                         {.fd = fds[1], .events = POLLOUT}};
    RV_SEE(rv_sim_poll(p, 3, 0) == 2);
    RV_SEE(p[0].revents == 0 && p[1].revents == POLLIN && p[2].revents == POLLOUT);
    RV_SEE(rv_sim_close(event) == 0 && rv_sim_close(fds[0]) == 0 && rv_sim_close(fds[1]) == 0);
}

static void test_sim_call_is_as_the_c_librarys(void **state)
{
    static void (*const bodies[])(void *) = {check_bad_numbers, check_vectors, check_addresses,
                                             check_looks};
    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(bodies); i++)
        rv_machine_run(SEEDS, false, bodies[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_call_is_as_the_c_librarys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Purpose: how many instructions of its own a server of one thread executes for a request, on
 *          machines whose processor counts none for us (virtual ones, mostly).
 *
 *     steps CONNECTIONS BYTES ROUNDS SERVER [ARGUMENT...]
 *
 * Idea:    the server's worker is single-stepped. A round sends BYTES on every connection and ends
 *          when all have come back and been compared; the next begins where it stopped, so going
 *          to sleep and waking up are counted. What the kernel does is not. Repeated string
 *          instructions stop at each repetition and count once. The server's clock should about
 *          stand still meanwhile: slow_clock.c. Two runs differ by some percent, as batches do.
 *
 * Prints "instructions 1/request N". The worker is the thread called rove-0, else the first.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, BYTES_MAX = 65536, WARM_ROUNDS = 32, LOOK_STEPS = 4096 };

static struct {
    pid_t server, worker;
    int sockets[CONNECTIONS_MAX];
    size_t connections, bytes;
    bool is_stopped;
    int signal;       /* that the next step delivers */
    uint64_t at;      /* the worker's instruction */
    uint64_t steps;
} run;

static char message[BYTES_MAX];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
    if (run.server > 0) {
        (void)kill(run.server, SIGKILL);
    }
    exit(EXIT_FAILURE);
}

/* Runs the server; the port that it says it listens on. */
static int start_server(char **command)
{
    int ends[2];
    char line[256];
    if (pipe(ends) < 0 || (run.server = fork()) < 0) {
        die("start");
    }
    if (run.server == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    const char *colon = said != NULL && fgets(line, sizeof line, said) ? strrchr(line, ':') : NULL;
    if (colon == NULL) {
        die("the server does not say where it listens");
    }
    return atoi(colon + 1);
}

static void connect_all(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < run.connections; i++) {
        int one = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) {
            die("connect");
        }
        run.sockets[i] = fd;
    }
}

/* rove-0, or the first thread. */
static pid_t find_worker(void)
{
    char path[320], name[32];
    pid_t found = run.server;
    snprintf(path, sizeof path, "/proc/%d/task", (int)run.server);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)run.server, entry->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL && fgets(name, sizeof name, file) != NULL &&
            strcmp(name, "rove-0\n") == 0) {
            found = (pid_t)atoi(entry->d_name);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

static void send_all(void)
{
    for (size_t i = 0; i < run.connections; i++) {
        if (send(run.sockets[i], message, run.bytes, MSG_NOSIGNAL) != (ssize_t)run.bytes) {
            die("send");
        }
    }
}

/* What has come back on connection i, of which `had` bytes came before. */
static size_t take(size_t i, size_t had)
{
    static char answer[BYTES_MAX];
    ssize_t n = recv(run.sockets[i], answer, run.bytes - had, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        die("receive");
    }
    if (n > 0 && memcmp(answer, message + had, (size_t)n) != 0) {
        die("another answer");
    }
    return n > 0 ? (size_t)n : 0;
}

/* Reads where something may have come; true: all of it has. */
static bool look(size_t had[])
{
    bool is_over = true;
    for (size_t i = 0; i < run.connections; i++) {
        if (had[i] < run.bytes) {
            had[i] += take(i, had[i]);
            is_over &= had[i] == run.bytes;
        }
    }
    return is_over;
}

/* One instruction further, or into a system call that it waits in. False: it still waits. */
static bool step(void)
{
    int status;
    if (run.is_stopped && ptrace(PTRACE_SINGLESTEP, run.worker, 0, run.signal) < 0) {
        die("step");
    }
    run.is_stopped = false;
    pid_t got = waitpid(run.worker, &status, __WALL | WNOHANG);
    if (got < 0 || (got > 0 && !WIFSTOPPED(status))) {
        die("the server is gone");
    }
    if (got == 0) {
        return false;
    }
    run.is_stopped = true;
    run.signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    uint64_t at = (uint64_t)ptrace(PTRACE_PEEKUSER, run.worker,
                                   offsetof(struct user_regs_struct, rip), 0);
    run.steps += at != run.at; /* else one more repetition */
    run.at = at;
    return true;
}

static void trace_round(void)
{
    size_t had[CONNECTIONS_MAX] = {0};
    send_all();
    for (uint64_t n = 1;; n++) {
        if ((!step() || n % LOOK_STEPS == 0) && look(had)) {
            return;
        }
    }
}

static void plain_round(void)
{
    size_t had[CONNECTIONS_MAX] = {0};
    send_all();
    while (!look(had)) {
    }
}

int main(int argc, char **argv)
{
    int status;
    if (argc < 5) {
        fprintf(stderr, "usage: steps CONNECTIONS BYTES ROUNDS SERVER [ARGUMENT...]\n");
        return EXIT_FAILURE;
    }
    run.connections = strtoul(argv[1], NULL, 10);
    run.bytes = strtoul(argv[2], NULL, 10);
    unsigned long rounds = strtoul(argv[3], NULL, 10);
    if (run.connections - 1 >= CONNECTIONS_MAX || run.bytes - 1 >= BYTES_MAX || rounds == 0) {
        errno = EINVAL;
        die("arguments");
    }
    for (size_t i = 0; i < run.bytes; i++) {
        message[i] = (char)(i * 31 + 7);
    }
    connect_all(start_server(argv + 4));
    for (int i = 0; i < WARM_ROUNDS; i++) {
        plain_round();
    }
    run.worker = find_worker();
    if (ptrace(PTRACE_SEIZE, run.worker, 0, 0) < 0 ||
        ptrace(PTRACE_INTERRUPT, run.worker, 0, 0) < 0 ||
        waitpid(run.worker, &status, __WALL) < 0) {
        die("trace");
    }
    run.is_stopped = true;
    trace_round();
    run.steps = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        trace_round();
    }
    printf("instructions 1/request %.1f\n",
           (double)run.steps / (double)(rounds * run.connections));
    (void)kill(run.server, SIGKILL);
    return EXIT_SUCCESS;
}

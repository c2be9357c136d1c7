// SPDX-License-Identifier: MIT
/*
 * Purpose: starting a program, on a thread that may block.
 *
 * Idea: posix_spawn, whose child shares our memory until its exec: no copy of page tables, and no
 * handlers of pthread_atfork. The child gets what a shell's would: no blocked signal, no ignored
 * one, and no descriptor but 0, 1 and 2, as with Python's close_fds.
 */
#include "io/process.h"

#include "core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int *wishes_of(const rove_process_options *options, int wishes[3])
{
    wishes[0] = options->in;
    wishes[1] = options->out;
    wishes[2] = options->err;
    return wishes;
}

int rv_spawn_check(const rove_process_options *options)
{
    int wishes[3];
    if (options == NULL || options->argv == NULL || options->argv[0] == NULL) {
        return -EINVAL;
    }
    wishes_of(options, wishes);
    for (int i = 0; i < 3; i++) {
        if (wishes[i] < ROVE_NULL || wishes[i] == 1 || wishes[i] == 2) {
            return -EINVAL;
        }
    }
    return 0;
}

static int add_stream(posix_spawn_file_actions_t *actions, const struct rv_spawn *spawn, int i)
{
    int wishes[3];
    int wish = wishes_of(spawn->options, wishes)[i];
    if (wish == ROVE_NULL) {
        return posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0);
    }
    int from = wish == ROVE_PIPE ? spawn->child_ends[i] : wish;
    return wish == ROVE_INHERIT ? 0 : posix_spawn_file_actions_adddup2(actions, from, i);
}

/* Positive errnos, as posix_spawn has them. */
static int fill_actions(posix_spawn_file_actions_t *actions, const struct rv_spawn *spawn)
{
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = add_stream(actions, spawn, i);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    }
    if (rc == 0 && spawn->options->cwd != NULL) {
        rc = posix_spawn_file_actions_addchdir_np(actions, spawn->options->cwd);
    }
    return rc;
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0) {
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    }
    return rc != 0 ? rc
                   : posix_spawnattr_setflags(attributes,
                                              POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static const char *path_of(char *const *envp)
{
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0) {
            return *envp + 5;
        }
    }
    return "/bin:/usr/bin"; /* as Python's */
}

/*
 * Is the program in this directory? `name` has room for both. 0, or a positive errno. A directory
 * that counts from the child's own cannot be looked into from here: the start itself will tell.
 */
static int look_in(const char *dir, size_t len, const rove_process_options *options, char *name)
{
    const char *program = options->argv[0];
    memcpy(name, len > 0 ? dir : ".", len > 0 ? len : 1);
    len = len > 0 ? len : 1;
    name[len] = '/';
    strcpy(name + len + 1, program);
    bool is_elsewhere = options->cwd != NULL && name[0] != '/';
    return is_elsewhere || access(name, X_OK) == 0 ? 0 : errno;
}

/* As execvpe(3), which the C library has no spawn for: 0, or a positive errno. */
static int spawn_in_path(struct rv_spawn *spawn, posix_spawn_file_actions_t *actions,
                         posix_spawnattr_t *attributes, char *const *envp)
{
    char *const *argv = spawn->options->argv;
    const char *path = path_of(envp);
    char *name = malloc(strlen(path) + strlen(argv[0]) + 3);
    bool was_refused = false;
    int rc = name == NULL ? ENOMEM : ENOENT;
    for (const char *dir = path; name != NULL && dir != NULL;) {
        size_t len = strcspn(dir, ":");
        rc = look_in(dir, len, spawn->options, name);
        if (rc == 0) {
            rc = posix_spawn(&spawn->pid, name, actions, attributes, argv, envp);
        }
        if (rc != ENOENT && rc != ENOTDIR && rc != EACCES) {
            break;
        }
        was_refused |= rc == EACCES;
        dir = dir[len] == ':' ? dir + len + 1 : NULL;
    }
    free(name);
    return rc == ENOTDIR || rc == ENOENT ? (was_refused ? EACCES : ENOENT) : rc;
}

static int spawn_with(struct rv_spawn *spawn, posix_spawn_file_actions_t *actions,
                      posix_spawnattr_t *attributes)
{
    const rove_process_options *options = spawn->options;
    int rc = fill_actions(actions, spawn);
    if (rc == 0) {
        rc = fill_attributes(attributes);
    }
    if (rc == 0 && options->envp != NULL && strchr(options->argv[0], '/') == NULL) {
        rc = spawn_in_path(spawn, actions, attributes, options->envp);
    } else if (rc == 0) {
        char *const *envp = options->envp != NULL ? options->envp : environ;
        rc = posix_spawnp(&spawn->pid, options->argv[0], actions, attributes, options->argv, envp);
    }
    return -rc;
}

static int spawn_child(struct rv_spawn *spawn)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = -posix_spawn_file_actions_init(&actions);
    if (rc < 0) {
        return rc;
    }
    rc = -posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = spawn_with(spawn, &actions, &attributes);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int rv_spawn_run(void *arg, RV_UNUSED void **result)
{
    struct rv_spawn *spawn = arg;
    int rc = spawn_child(spawn);
    if (rc < 0) {
        return rc;
    }
    /* Unless the program reaps it, the number is still this child's, even if it has ended. */
    spawn->pidfd = pidfd_open(spawn->pid, 0);
    if (spawn->pidfd < 0 && errno != ESRCH) {
        rc = -errno;
        (void)kill(spawn->pid, SIGKILL);
        while (waitpid(spawn->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        return rc;
    }
    return 0;
}

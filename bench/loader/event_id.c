// SPDX-License-Identifier: MIT
/*
 * Purpose: the kernel's number of the event "a system call begins", which counting them wants.
 * Idea:    it stands in tracefs, which on a fresh machine is not mounted. Who may mount gets one
 *          from fsmount(2) that is attached nowhere: no other process sees it, no folder is made,
 *          and it is gone when its descriptor is closed.
 * Rejected: a mount in a namespace of our own: one process more, and the same permission.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/loader.h"

static const char *const mounted[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

/* The number below a folder that tracefs is mounted on; 0 where there is none. */
static uint64_t read_below(int folder)
{
    char text[32];
    int fd = openat(folder, "events/raw_syscalls/sys_enter/id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    errno = ENODATA; /* said if that was no number */
    return strtoull(text, NULL, 10);
}

static uint64_t read_mounted(void)
{
    uint64_t id = 0;
    for (size_t i = 0; id == 0 && i < sizeof mounted / sizeof *mounted; i++) {
        int folder = open(mounted[i], O_PATH | O_CLOEXEC);
        if (folder >= 0) {
            id = read_below(folder);
            close(folder);
        }
    }
    return id;
}

/* By system call: C libraries have these only since 2022. */
static uint64_t read_detached(void)
{
    uint64_t id = 0;
    int mount = -1, context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
    if (context < 0) {
        return 0;
    }
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
        mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    }
    if (mount >= 0) {
        id = read_below(mount);
    }
    int error = errno;
    if (mount >= 0) {
        close(mount);
    }
    close(context);
    errno = error;
    return id;
}

uint64_t event_id_read(void)
{
    uint64_t id = read_mounted();
    return id > 0 ? id : read_detached();
}

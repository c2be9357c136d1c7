// SPDX-License-Identifier: MIT
/*
 * Purpose: what a server asks for beyond rove_listen.
 */
#ifndef RV_IO_LISTEN_H
#define RV_IO_LISTEN_H

#include <stdbool.h>
#include <sys/stat.h>

struct rv_task;

/* A listening socket for the calling task, or a negative errno. May suspend. */
int rv_listen_open(struct rv_task *self, const char *address, int backlog, bool is_port_shared);
/* The file of a UNIX socket; st_ino is 0: it has none. */
void rv_listen_remember(int fd, struct stat *file);
/* The file goes with its server, as in asyncio, unless it is another's by now. */
void rv_listen_remove(int fd, const struct stat *file);

#endif

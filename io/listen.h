// SPDX-License-Identifier: MIT
/*
 * Purpose: what a server asks for beyond rove_listen.
 */
#ifndef RV_IO_LISTEN_H
#define RV_IO_LISTEN_H

#include <stdbool.h>

struct rv_task;

/* A listening socket for the calling task, or a negative errno. May suspend. */
int rv_listen_open(struct rv_task *self, const char *address, int backlog, bool is_port_shared);

#endif

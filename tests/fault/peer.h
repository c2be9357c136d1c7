// SPDX-License-Identifier: MIT
/*
 * Purpose: peers as the net has them: who stop, reset, vanish, dribble, never read.
 *
 * Idea: a process of its own with plain blocking calls, made before a runtime starts; it waits for
 * a port on a pipe, misbehaves there with a few connections, and is killed in the end.
 */
#ifndef RV_TESTS_FAULT_PEER_H
#define RV_TESTS_FAULT_PEER_H

#include <sys/types.h>

enum rv_peer_kind {
    RV_PEER_NONE,
    RV_PEER_STOPPED,   /* connects, sends half a request, is stopped by SIGSTOP */
    RV_PEER_RESET,     /* sends half a request and resets */
    RV_PEER_HALF_OPEN, /* is gone without a word to the other side (as root; else silent) */
    RV_PEER_DRIBBLE,   /* a byte a segment */
    RV_PEER_DEAF,      /* asks and asks and never reads */
    RV_PEER_HALF_CLOSED /* sends half a request, then end of file, and stays to read */
};

struct rv_peer {
    pid_t pid;
    int fd; /* where it waits for a port, an int */
};

/* `request` is sent whole or in part, as the kind has it. 0 or -errno. */
int rv_peer_start(struct rv_peer *peer, enum rv_peer_kind kind, const char *request);
void rv_peer_end(struct rv_peer *peer);

#endif

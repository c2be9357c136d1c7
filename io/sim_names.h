// SPDX-License-Identifier: MIT
/*
 * Purpose: the C library's names that mean something else in a simulation. Included before each
 *          source of the library rove-sim by its compile options; no other file knows.
 * Idea:    the headers that declare them come first, so only the library's own calls change. Memory
 *          comes from core/sim_memory.c, descriptors from the simulated kernel, io/sim_call.h.
 */
#ifndef RV_IO_SIM_NAMES_H
#define RV_IO_SIM_NAMES_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/sim_memory.h"
#include "io/sim_call.h"

#undef strdup
#define malloc rv_sim_malloc
#define calloc rv_sim_calloc
#define realloc rv_sim_realloc
#define aligned_alloc rv_sim_aligned_alloc
#define free rv_sim_free
#define strdup rv_sim_strdup
#define mmap rv_sim_mmap
#define munmap rv_sim_munmap
#define madvise rv_sim_madvise
#define sysconf rv_sim_sysconf

#define eventfd rv_sim_eventfd
#define close rv_sim_close
#define read rv_sim_read
#define write rv_sim_write
#define preadv2 rv_sim_preadv2
#define pwritev2 rv_sim_pwritev2
#define recv rv_sim_recv
#define send rv_sim_send
#define recvmsg rv_sim_recvmsg
#define sendmsg rv_sim_sendmsg
#define socket rv_sim_socket
#define bind rv_sim_bind
#define listen rv_sim_listen
#define accept4 rv_sim_accept4
#define connect rv_sim_connect
#define shutdown rv_sim_shutdown
#define getsockname rv_sim_getsockname
#define getsockopt rv_sim_getsockopt
#define setsockopt rv_sim_setsockopt
#define fcntl rv_sim_fcntl
#define fstat rv_sim_fstat
#define poll rv_sim_poll

#endif

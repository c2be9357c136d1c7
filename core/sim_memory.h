// SPDX-License-Identifier: MIT
/*
 * Purpose: the memory of a simulation: the same addresses for the same seed, nothing left over.
 * Idea:    all of it lies in one range of addresses that is emptied before each run. Blocks are cut
 *          from the front; what is freed is painted, and looked at when it is handed out again: a
 *          write after the free is found then, under a sanitizer at once. Last freed, first reused,
 *          so that addresses come back as soon as they can.
 * Threads: the simulation's.
 */
#ifndef RV_CORE_SIM_MEMORY_H
#define RV_CORE_SIM_MEMORY_H

#include <stddef.h>
#include <sys/types.h>

/* Everything is empty again: 0, or -ENOMEM when the addresses cannot be had. */
int rv_sim_memory_reset(void);

/* As in the C library; the simulation's library sources call these by those names. */
void *rv_sim_malloc(size_t bytes);
void *rv_sim_calloc(size_t n, size_t each);
void *rv_sim_realloc(void *block, size_t bytes);
void *rv_sim_aligned_alloc(size_t alignment, size_t bytes);
void rv_sim_free(void *block);
char *rv_sim_strdup(const char *text);

/* Whole pages, zero. */
void *rv_sim_map(size_t bytes);
void rv_sim_unmap(void *addr, size_t bytes);

/* Anonymous memory, by the system's names; nobody forks here. And how many processors there are. */
void *rv_sim_mmap(void *addr, size_t bytes, int access, int flags, int fd, off_t at);
int rv_sim_munmap(void *addr, size_t bytes);
int rv_sim_madvise(void *addr, size_t bytes, int advice);
long rv_sim_sysconf(int name);

/* The stack of virtual thread i. */
void *rv_sim_memory_stack(unsigned i, size_t *bytes);

/* Bytes in blocks, and in pages, that were not given back. */
size_t rv_sim_memory_blocks(void);
size_t rv_sim_memory_pages(void);

#endif

// SPDX-License-Identifier: MIT
/*
 * Purpose: O_NONBLOCK for the length of a system call, io/loan.h.
 * Threads: the list under its lock; a loan is its thread's.
 */
#include "io/loan.h"

#include "core/base.h"
#include "core/lock.h"
#include "sched/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

static struct rv_lock lent_lock; /* guards what follows */
static struct rv_loan *lent;     /* as many as there are threads in a call, so a few */
static RV_ATOMIC(uint32_t) lent_forks; /* rv_fork_count of the process that lends */

int rv_loan_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) {
        return -errno;
    }
    if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    return flags;
}

static bool is_same(const struct rv_loan *a, const struct rv_loan *b)
{
    return a->ino == b->ino && a->dev == b->dev && a->access == b->access;
}

/* False: the file is in the list already. */
static bool enter(struct rv_loan *loan)
{
    rv_lock_acquire(&lent_lock);
    struct rv_loan **at = &lent;
    while (*at != NULL && !is_same(*at, loan)) {
        at = &(*at)->next;
    }
    bool is_free = *at == NULL;
    if (is_free) {
        loan->next = NULL;
        loan->at = at;
        *at = loan;
    }
    rv_lock_release(&lent_lock);
    return is_free;
}

static void leave(struct rv_loan *loan)
{
    rv_lock_acquire(&lent_lock);
    *loan->at = loan->next;
    if (loan->next != NULL) {
        loan->next->at = loan->at;
    }
    rv_lock_release(&lent_lock);
}

int rv_loan_begin(struct rv_loan *loan, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    *loan = (struct rv_loan){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
    loan->access = S_ISFIFO(st.st_mode) ? fcntl(fd, F_GETFL) & O_ACCMODE : 0;
    if (RV_UNLIKELY(!enter(loan))) {
        return -EAGAIN;
    }
    int flags = rv_loan_set_nonblocking(fd);
    if (flags < 0) {
        leave(loan);
        return flags;
    }
    loan->flags = (flags & O_NONBLOCK) == 0 ? flags : -1;
    return 0;
}

void rv_loan_end(struct rv_loan *loan)
{
    if (loan->flags >= 0) {
        (void)fcntl(loan->fd, F_SETFL, loan->flags);
    }
    leave(loan);
}

void rv_loan_forget_parent(void)
{
    if (RV_UNLIKELY(rv_load_relaxed(&lent_forks) != rv_fork_count)) {
        rv_lock_init(&lent_lock);
        lent = NULL;
        rv_store_relaxed(&lent_forks, rv_fork_count);
    }
}

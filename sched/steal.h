// SPDX-License-Identifier: MIT
/*
 * Purpose: what a worker without work takes from the others (steal.c has the rule).
 */
#ifndef RV_SCHED_STEAL_H
#define RV_SCHED_STEAL_H

#include <stdbool.h>
#include <stdint.h>

struct rv_task;
struct rv_worker;

/* What a worker knows of the others' queues; its own. */
struct rv_thief {
    uint32_t *seen;          /* by worker: the end of its run queue at the last look */
    uint32_t vain;           /* how often in succession it was woken for what was gone then */
    uint32_t dozes;          /* .. dozed, and found nothing */
    int64_t tried_ns;       /* when it last took tasks on trial, if that is not judged yet; or 0 */
    uint64_t tried_finished; /* tasks that had ended here then */
    int64_t trial_at_ns;     /* when it may do so again */
    bool is_churn;           /* the last search left tasks to their owner: it will doze */
    bool is_woken;           /* since its last search */
    bool is_dozing;          /* the one of idle.calm */
};

int rv_thief_init(struct rv_thief *thief, unsigned worker_count);
void rv_thief_fini(struct rv_thief *thief);

/* Owner, counted as searching: a task of another worker or of the injection queue, or NULL. */
struct rv_task *rv_steal_search(struct rv_worker *w);
/* Owner: is anything visible anywhere that a sleeper would be woken for? A lone worker knows its
 * own queues: only what comes from outside. */
bool rv_steal_is_work_visible(struct rv_worker *w);
/* Owner, who dozes: the latest end of its sleep. */
int64_t rv_steal_doze_until(const struct rv_worker *w, int64_t deadline_ns);

#endif

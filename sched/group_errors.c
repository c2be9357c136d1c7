// SPDX-License-Identifier: MIT
/*
 * Purpose: the error codes of a group's children. group_errors.h has the idea.
 */
#include "sched/group_errors.h"

#include "core/check.h"
#include "sched/group.h"
#include "sched/task.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more beyond those in place; false: no memory. */
static bool make_room(struct rv_group_errors *errors)
{
    size_t used = errors->kept - RV_GROUP_ERRORS_IN_PLACE;
    size_t capacity = errors->spill == NULL ? 0 : errors->spill->capacity;
    if (used < capacity) {
        return true;
    }
    capacity = capacity == 0 ? 2 * (size_t)RV_GROUP_ERRORS_IN_PLACE : 2 * capacity;
    struct rv_group_spill *grown =
        realloc(errors->spill, sizeof(*grown) + capacity * sizeof(grown->codes[0]));
    if (grown == NULL) {
        return false;
    }
    grown->capacity = capacity;
    errors->spill = grown;
    return true;
}

void rv_group_errors_add(struct rv_group_errors *errors, int code)
{
    errors->count++;
    if (errors->kept < RV_GROUP_ERRORS_IN_PLACE) {
        errors->codes[errors->kept++] = code;
    } else if (make_room(errors)) {
        errors->spill->codes[errors->kept++ - RV_GROUP_ERRORS_IN_PLACE] = code;
    }
}

size_t rv_group_errors_copy(const struct rv_group_errors *errors, int codes[], size_t capacity)
{
    size_t n = errors->kept < capacity ? errors->kept : capacity;
    size_t here = n < RV_GROUP_ERRORS_IN_PLACE ? n : RV_GROUP_ERRORS_IN_PLACE;
    if (here > 0) {
        memcpy(codes, errors->codes, here * sizeof(codes[0]));
    }
    if (n > here) {
        memcpy(&codes[here], errors->spill->codes, (n - here) * sizeof(codes[0]));
    }
    return errors->count;
}

void rv_group_errors_keep(struct rv_group_errors *errors, struct rv_task *parent,
                          const void *group)
{
    struct rv_group_spill *spill = errors->spill;
    if (spill != NULL) {
        spill->group = group;
        spill->next = parent->group_spills;
        parent->group_spills = spill;
        parent->future.is_laden = 1;
    }
}

void rv_group_errors_forget(struct rv_task *parent, const void *group)
{
    struct rv_group_spill **at = &parent->group_spills;
    while (*at != NULL) {
        struct rv_group_spill *spill = *at;
        if (spill->group == group) {
            *at = spill->next;
            free(spill);
        } else {
            at = &spill->next;
        }
    }
}

void rv_group_forget_errors(struct rv_task *t)
{
    while (t->group_spills != NULL) {
        struct rv_group_spill *spill = t->group_spills;
        t->group_spills = spill->next;
        free(spill);
    }
}

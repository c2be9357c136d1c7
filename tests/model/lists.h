// SPDX-License-Identifier: MIT
/*
 * Purpose: all lists of models, for main.c alone.
 */
#ifndef RV_MODEL_LISTS_H
#define RV_MODEL_LISTS_H

#include "model.h"

extern const struct rv_model_list rv_models_deque;
extern const struct rv_model_list rv_models_runq;
extern const struct rv_model_list rv_models_core;

static const struct rv_model_list *const lists[] = {
    &rv_models_deque,
    &rv_models_runq,
    &rv_models_core,
};

#endif

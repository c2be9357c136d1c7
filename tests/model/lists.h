// SPDX-License-Identifier: MIT
/*
 * Purpose: all lists of models, for main.c alone.
 */
#ifndef RV_MODEL_LISTS_H
#define RV_MODEL_LISTS_H

#include "model.h"

extern const struct rv_model_list rv_models_checker;
extern const struct rv_model_list rv_models_deque;
extern const struct rv_model_list rv_models_runq;
extern const struct rv_model_list rv_models_core;
extern const struct rv_model_list rv_models_block;
extern const struct rv_model_list rv_models_interrupt;
extern const struct rv_model_list rv_models_state;
extern const struct rv_model_list rv_models_future;
extern const struct rv_model_list rv_models_idle;
extern const struct rv_model_list rv_models_active;
extern const struct rv_model_list rv_models_sync;
extern const struct rv_model_list rv_models_event;
extern const struct rv_model_list rv_models_chan;
extern const struct rv_model_list rv_models_queue;
extern const struct rv_model_list rv_models_many;
extern const struct rv_model_list rv_models_outer;
extern const struct rv_model_list rv_models_pool;
extern const struct rv_model_list rv_models_runtime;
extern const struct rv_model_list rv_models_stack;
extern const struct rv_model_list rv_models_watch;

static const struct rv_model_list *const lists[] = {
    &rv_models_checker, &rv_models_deque, &rv_models_runq, &rv_models_core,
    &rv_models_state, &rv_models_future, &rv_models_idle, &rv_models_sync,
    &rv_models_chan, &rv_models_queue, &rv_models_many, &rv_models_pool,
    &rv_models_event, &rv_models_runtime, &rv_models_stack, &rv_models_watch,
    &rv_models_block, &rv_models_interrupt, &rv_models_outer, &rv_models_active,
};

#endif

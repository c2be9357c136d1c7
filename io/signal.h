// SPDX-License-Identifier: MIT
/*
 * Purpose: what a runtime that ends gives back of the process's signals.
 */
#ifndef RV_IO_SIGNAL_H
#define RV_IO_SIGNAL_H

#include <stdint.h>

/* The signals of a runtime (bit n - 1 is signal n) have their old dispositions again. */
void rv_signal_forget(uint64_t signals);

#endif

// SPDX-License-Identifier: MIT
/* Purpose: the numbers that all languages use. fib(n) = fib(n-1) + fib(n-2), a task a call. */
#define N       30
#define N_SMOKE 12

// SPDX-License-Identifier: MIT
/* Purpose: the board of nqueens, for the programs in C and C++. */
#ifndef BENCH_NQUEENS_BOARD_H
#define BENCH_NQUEENS_BOARD_H

#include <stdint.h>

enum { BOARD_MAX = 16 };

struct board {
    int8_t row[BOARD_MAX];
};

/* The numbers of solutions for 0 to 16 queens are well known. */
static const long board_solutions[BOARD_MAX + 1] = {1,   1,   0,    0,     2,     10,     4,
                                                    40,  92,  352,  724,   2680,  14200,  73712,
                                                    365596, 2279184, 14772512};

/* May a queen stand in row `row` of column `column` beside those of the columns before? */
static inline int board_may_stand(const struct board *b, int column, int row)
{
    for (int i = 0; i < column; i++) {
        int apart = b->row[i] - row;
        if (apart == 0 || apart == column - i || apart == i - column) {
            return 0;
        }
    }
    return 1;
}

#endif

// SPDX-License-Identifier: MIT
/* Purpose: two floors of the search on one thread: a context on a stack for each queen (the row to
 * compare with), and plain recursion (serial). */
#include "nqueens/config.h"

#include <stdlib.h>

#include "harness/bench.h"
#include "harness/limit.h"
#include "nqueens/board.h"

static struct limit_stacks stacks;
static int size;

struct place {
    struct board board;
    int column;
    long solutions;
};

static void search(struct limit_transfer t)
{
    struct place *at = t.data, next = {.column = at->column + 1};
    at->solutions = at->column == size;
    for (int row = 0; row < size && at->column < size; row++) {
        if (board_may_stand(&at->board, at->column, row)) {
            next.board = at->board;
            next.board.row[at->column] = (int8_t)row;
            jump_fcontext(limit_context_make(&stacks, (size_t)next.column, search), &next);
            at->solutions += next.solutions;
        }
    }
    jump_fcontext(t.from, NULL);
}

__attribute__((noinline)) static long serial(const struct board *board, int column)
{
    long solutions = column == size;
    for (int row = 0; row < size && column < size; row++) {
        if (board_may_stand(board, column, row)) {
            struct board next = *board;
            next.row[column] = (int8_t)row;
            solutions += serial(&next, column + 1);
        }
    }
    return solutions;
}

static int64_t pass(int n)
{
    struct place root = {.column = 0};
    size = n;
    int64_t begin = bench_now_ns();
    jump_fcontext(limit_context_make(&stacks, 0, search), &root);
    int64_t end = bench_now_ns();
    bench_check(root.solutions == board_solutions[n], "number of solutions");
    return end - begin;
}

int main(int argc, char **argv)
{
    const struct board empty = {{0}};
    bench_init(argc, argv);
    int n = (int)bench_param("N", N);
    bench_check(n > 1 && n <= BOARD_MAX, "size of the board");
    limit_stacks_map(&stacks, BOARD_MAX + 1, LIMIT_STACK_BYTES);
    pass(n - 1);
    int64_t ns = pass(n), begin = bench_now_ns();
    bench_check(serial(&empty, 0) == board_solutions[n], "number of solutions");
    bench_report_each("serial", "ms", bench_now_ns() - begin, BENCH_NS_PER_MS);
    bench_report_each("plain", "ms", ns, BENCH_NS_PER_MS);
    limit_stacks_unmap(&stacks);
    return EXIT_SUCCESS;
}

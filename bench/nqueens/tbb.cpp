// SPDX-License-Identifier: MIT
// oneTBB's side of nqueens: a task for each queen that may stand.
#include "harness/tbb.hpp"
#include "nqueens/board.h"

static int size;

static long search(const board &at, int column)
{
    if (column == size) {
        return 1;
    }
    long parts[BOARD_MAX] = {0}, solutions = 0;
    tbb::task_group group;
    for (int row = 0; row < size; row++) {
        if (board_may_stand(&at, column, row)) {
            board next = at;
            next.row[column] = int8_t(row);
            group.run([&parts, row, next, column] { parts[row] = search(next, column + 1); });
        }
    }
    group.wait();
    for (int row = 0; row < size; row++) {
        solutions += parts[row];
    }
    return solutions;
}

static long pass(int n)
{
    size = n;
    long begin = bench::now_ns(), solutions = search(board{}, 0), end = bench::now_ns();
    bench::check(solutions == board_solutions[n], "number of solutions");
    return end - begin;
}

int main(int argc, char **argv)
{
    return bench::run(argc, argv, [] {
        int n = int(bench::param("N"));
        pass(n - 1);
        bench::report_each("plain", "ms", pass(n), 1000000);
    });
}

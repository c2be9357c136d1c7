// SPDX-License-Identifier: MIT
/* Purpose: fork and join with a little work in each task: an eager task for each queen that may
 * stand, so that the search goes depth first and what is left of a row can be stolen. */
#include "nqueens/config.h"

#include "harness/rove_main.h"
#include "nqueens/board.h"

static const rove_task_options eager = {.eager = true};
static int size;

struct place {
    struct board board;
    int column; /* the first that is empty */
};

static int search(void *arg, void **result)
{
    const struct place *at = arg;
    struct place next[BOARD_MAX];
    rove_task *tasks[BOARD_MAX];
    intptr_t solutions = 0;
    int n = 0;
    if (at->column == size) {
        *result = (void *)(intptr_t)1;
        return 0;
    }
    for (int row = 0; row < size; row++) {
        if (board_may_stand(&at->board, at->column, row)) {
            next[n] = (struct place){.board = at->board, .column = at->column + 1};
            next[n].board.row[at->column] = (int8_t)row;
            tasks[n] = rove_create_task_with(&eager, search, &next[n]);
            bench_check(tasks[n] != NULL, "no task");
            n++;
        }
    }
    while (n > 0) {
        void *part = NULL;
        rove_join(tasks[--n], &part);
        solutions += (intptr_t)part;
    }
    *result = (void *)solutions;
    return 0;
}

static int64_t pass(int n)
{
    struct place root = {.column = 0};
    void *solutions = NULL;
    size = n;
    int64_t begin = bench_now_ns();
    rove_join(rove_create_task(search, &root), &solutions);
    int64_t end = bench_now_ns();
    bench_check((intptr_t)solutions == board_solutions[n], "number of solutions");
    return end - begin;
}

static int measure(void *arg, void **result)
{
    (void)arg, (void)result;
    int n = (int)bench_param("N", N);
    bench_check(n > 1 && n <= BOARD_MAX, "size of the board");
    pass(n - 1);
    bench_report_each("plain", "ms", pass(n), BENCH_NS_PER_MS);
    return 0;
}

int main(int argc, char **argv)
{
    return bench_rove_main(argc, argv, measure);
}

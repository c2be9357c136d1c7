// SPDX-License-Identifier: MIT
// Tokio's side of nqueens: a task for each queen that may stand.
mod board;
use bench::*;
use board::*;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn search(
    board: Board,
    column: usize,
    size: usize,
) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        if column == size {
            return 1;
        }
        let tasks: Vec<_> = (0..size)
            .filter(|&row| may_stand(&board, column, row))
            .map(|row| tokio::spawn(search(with_queen(board, column, row), column + 1, size)))
            .collect();
        let mut solutions = 0;
        for task in tasks {
            solutions += task.await.unwrap();
        }
        solutions
    })
}

async fn pass(size: usize) -> i64 {
    let begin = Instant::now();
    let solutions = tokio::spawn(search([0; 16], 0, size)).await.unwrap();
    let time = ns(begin);
    assert_eq!(solutions, SOLUTIONS[size]);
    time
}

fn main() {
    run(async {
        let n = param("N");
        pass(n - 1).await;
        report_each("plain", "ms", pass(n).await, 1_000_000);
    });
}

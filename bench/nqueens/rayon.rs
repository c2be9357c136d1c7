// SPDX-License-Identifier: MIT
// Rayon's side of nqueens: a spawn for each queen that may stand.
mod board;
use bench::*;
use board::*;
use std::time::Instant;

fn search(board: Board, column: usize, size: usize) -> usize {
    if column == size {
        return 1;
    }
    let mut parts = [0; 16];
    rayon::scope(|scope| {
        for (row, part) in parts[..size].iter_mut().enumerate() {
            if may_stand(&board, column, row) {
                let next = with_queen(board, column, row);
                scope.spawn(move |_| *part = search(next, column + 1, size));
            }
        }
    });
    parts.iter().sum()
}

fn pass(size: usize) -> i64 {
    let begin = Instant::now();
    let solutions = search([0; 16], 0, size);
    let time = ns(begin);
    assert_eq!(solutions, SOLUTIONS[size]);
    time
}

fn main() {
    run(|| {
        let n = param("N");
        pass(n - 1);
        report_each("plain", "ms", pass(n), 1_000_000);
    });
}

// SPDX-License-Identifier: MIT
// Tokio's side of spawn_many.
use bench::*;
use std::time::Instant;

async fn pass(n: usize) -> i64 {
    let (begin, mut sum) = (Instant::now(), 0);
    let tasks: Vec<_> = (0..n).map(|i| tokio::spawn(async move { i })).collect();
    for task in tasks {
        sum += task.await.unwrap();
    }
    let time = ns(begin);
    assert_eq!(sum, n * (n - 1) / 2);
    time
}

fn main() {
    run(async {
        let (n, rounds, mut time) = (param("TASKS"), param("ROUNDS"), 0);
        pass(n).await;
        for _ in 0..rounds {
            time += pass(n).await;
        }
        report_each("plain", "ns/task", time, n * rounds);
    });
}

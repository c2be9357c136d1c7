// SPDX-License-Identifier: MIT
// Tokio's side of yield_many.
use bench::*;
use std::time::Instant;

async fn pass(n: usize, each: usize) -> i64 {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..each {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    ns(begin)
}

fn main() {
    run(async {
        let (n, each) = (param("TASKS"), param("YIELDS"));
        pass(n, each / 10 + 1).await;
        report_each("plain", "ns/yield", pass(n, each).await, n * each);
    });
}

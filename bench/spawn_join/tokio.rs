// SPDX-License-Identifier: MIT
// Tokio's side of spawn_join.
use bench::*;
use std::time::Instant;

async fn pass(n: usize) -> i64 {
    let (begin, mut sum) = (Instant::now(), 0);
    for i in 0..n {
        sum += tokio::spawn(async move { i }).await.unwrap();
    }
    let time = ns(begin);
    assert_eq!(sum, n * (n - 1) / 2);
    time
}

fn main() {
    run(async {
        let n = param("TASKS");
        pass(n / 10 + 1).await;
        report_each("plain", "ns/task", pass(n).await, n);
    });
}

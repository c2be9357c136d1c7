// SPDX-License-Identifier: MIT
// Tokio's side of skynet.
use bench::*;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn sky(first: usize, leaves: usize, fanout: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let part = leaves / fanout;
        let tasks: Vec<_> =
            (0..fanout).map(|i| tokio::spawn(sky(first + i * part, part, fanout))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    })
}

async fn pass(leaves: usize, fanout: usize) -> i64 {
    let begin = Instant::now();
    let sum = tokio::spawn(sky(0, leaves, fanout)).await.unwrap();
    let time = ns(begin);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    time
}

fn main() {
    run(async {
        let fanout = param("FANOUT");
        let leaves = fanout.pow(param("DEPTH") as u32);
        pass(leaves, fanout).await;
        report_each("plain", "ms", pass(leaves, fanout).await, 1_000_000);
    });
}

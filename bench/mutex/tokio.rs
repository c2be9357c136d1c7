// SPDX-License-Identifier: MIT
// Tokio's side of mutex: the lock that tasks may hold over a suspension.
use bench::*;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

async fn pass(n: usize, locks: usize) -> (i64, usize) {
    let counter = Arc::new(Mutex::new(0));
    let (begin, each) = (Instant::now(), locks / n);
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let counter = counter.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    *counter.lock().await += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let time = ns(begin);
    assert_eq!(*counter.lock().await, each * n);
    (time, each * n)
}

fn main() {
    run(async {
        let (n, locks) = (param("TASKS"), param("LOCKS"));
        pass(n, locks / 10 + n).await;
        let (time, done) = pass(n, locks).await;
        report_each("plain", "ns/lock", time, done);
    });
}

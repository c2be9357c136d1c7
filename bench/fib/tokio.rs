// SPDX-License-Identifier: MIT
// Tokio's side of fib: a task for each call.
use bench::*;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn fib(n: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let (a, b) = (tokio::spawn(fib(n - 1)), tokio::spawn(fib(n - 2)));
        a.await.unwrap() + b.await.unwrap()
    })
}

async fn pass(n: usize) -> i64 {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    let begin = Instant::now();
    let value = tokio::spawn(fib(n)).await.unwrap();
    let time = ns(begin);
    assert_eq!(value, a);
    time
}

fn main() {
    run(async {
        let n = param("N");
        pass(n.saturating_sub(4)).await;
        report_each("plain", "ms", pass(n).await, 1_000_000);
    });
}

// SPDX-License-Identifier: MIT
// Tokio's side of chained_spawn.
use bench::*;
use std::time::Instant;
use tokio::sync::oneshot;

fn link(left: usize, ran: usize, ended: oneshot::Sender<usize>) {
    tokio::spawn(async move {
        if left == 0 {
            ended.send(ran + 1).unwrap();
        } else {
            link(left - 1, ran + 1, ended);
        }
    });
}

async fn pass(n: usize) -> i64 {
    let (sender, ended) = oneshot::channel();
    let begin = Instant::now();
    link(n - 1, 0, sender);
    let ran = ended.await.unwrap();
    let time = ns(begin);
    assert_eq!(ran, n);
    time
}

fn main() {
    run(async {
        let n = param("CHAIN");
        pass(n / 10 + 1).await;
        report_each("plain", "ns/task", pass(n).await, n);
    });
}

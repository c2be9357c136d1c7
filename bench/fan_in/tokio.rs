// SPDX-License-Identifier: MIT
// Tokio's side of fan_in and pipe: its bounded channel has one receiver, and a buffer of one at least.
use bench::*;
use std::time::Instant;
use tokio::sync::mpsc;

async fn pass(senders: usize, transfers: usize) -> (i64, usize) {
    let (sender, mut receiver) = mpsc::channel(param("BUFFER").max(1));
    let (begin, each, mut sum) = (Instant::now(), transfers / senders, 0);
    for _ in 0..senders {
        let sender = sender.clone();
        tokio::spawn(async move {
            for i in 1..=each {
                sender.send(i).await.unwrap();
            }
        });
    }
    drop(sender);
    while let Some(n) = receiver.recv().await {
        sum += n;
    }
    let time = ns(begin);
    assert_eq!(sum, senders * (each * (each + 1) / 2));
    (time, each * senders)
}

fn main() {
    run(async {
        assert_eq!(param("RECEIVERS"), 1);
        let (senders, n) = (param("SENDERS"), param("TRANSFERS"));
        pass(senders, n / 10 + senders).await;
        let (time, done) = pass(senders, n).await;
        report_each("plain", "ns/message", time, done);
    });
}

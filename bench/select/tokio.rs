// SPDX-License-Identifier: MIT
// Tokio's side of select; its channels have no rendezvous, the smallest buffer is one.
use bench::*;
use std::time::Instant;
use tokio::sync::mpsc;

async fn pass(transfers: usize) -> (i64, usize) {
    let (each, mut sum) = (transfers / 4, 0);
    let begin = Instant::now();
    let mut open = || {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for i in 1..=each {
                sender.send(i).await.unwrap();
            }
        });
        receiver
    };
    let (mut a, mut b, mut c, mut d) = (open(), open(), open(), open());
    for _ in 0..each * 4 {
        sum += tokio::select! {
            Some(n) = a.recv() => n,
            Some(n) = b.recv() => n,
            Some(n) = c.recv() => n,
            Some(n) = d.recv() => n,
        };
    }
    let time = ns(begin);
    assert_eq!(sum, 4 * (each * (each + 1) / 2));
    (time, each * 4)
}

fn main() {
    run(async {
        assert_eq!(param("CHANNELS"), 4);
        pass(param("TRANSFERS") / 10 + 4).await;
        let (time, n) = pass(param("TRANSFERS")).await;
        report_each("plain", "ns/message", time, n);
    });
}

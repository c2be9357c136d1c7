// SPDX-License-Identifier: MIT
// Tokio's side of ping_pong; its channels have no rendezvous, the smallest buffer is one.
use bench::*;
use std::time::Instant;
use tokio::sync::mpsc;

async fn pass(there: &mpsc::Sender<usize>, back: &mut mpsc::Receiver<usize>, trips: usize) -> i64 {
    let begin = Instant::now();
    for i in 0..trips {
        there.send(i).await.unwrap();
        assert_eq!(back.recv().await.unwrap(), i);
    }
    ns(begin)
}

fn main() {
    run(async {
        let trips = param("TRIPS");
        let (there, mut arrived) = mpsc::channel(1);
        let (answer, mut back) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(n) = arrived.recv().await {
                answer.send(n).await.unwrap();
            }
        });
        pass(&there, &mut back, trips / 10 + 1).await;
        report_each("plain", "ns/round_trip", pass(&there, &mut back, trips).await, trips);
    });
}

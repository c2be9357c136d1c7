// SPDX-License-Identifier: MIT
// Tokio's side of mixed.
use bench::*;
use std::time::{Duration, Instant};

fn main() {
    run(async {
        let hog = Duration::from_millis(param("HOG_MS") as u64);
        let tick = Duration::from_micros(param("TICK_US") as u64);
        let busy = tokio::spawn(async move {
            loop {
                let end = Instant::now() + hog;
                while Instant::now() < end {}
                tokio::task::yield_now().await;
            }
        });
        let tickers: Vec<_> = (0..param("TICKERS"))
            .map(|_| {
                tokio::spawn(async move {
                    let mut late = Vec::new();
                    for _ in 0..param("TICKS") {
                        let due = Instant::now() + tick;
                        tokio::time::sleep_until(due.into()).await;
                        late.push(ns(due));
                    }
                    late
                })
            })
            .collect();
        let mut late = Vec::new();
        for ticker in tickers {
            late.append(&mut ticker.await.unwrap());
        }
        busy.abort();
        report_spread("late", late);
    });
}

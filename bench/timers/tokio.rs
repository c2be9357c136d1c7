// SPDX-License-Identifier: MIT
// Tokio's side of timers; its clock ticks in milliseconds.
use bench::*;
use std::time::{Duration, Instant};

fn main() {
    run(async {
        let (n, spread) = (param("TASKS"), param("SPREAD_MS") as u64 * 1_000_000);
        let first = Instant::now() + Duration::from_millis(param("LEAD_MS") as u64);
        let tasks: Vec<_> = (0..n)
            .map(|i| {
                let due = first + Duration::from_nanos(i as u64 * spread / n as u64);
                tokio::spawn(async move {
                    tokio::time::sleep_until(due.into()).await;
                    assert!(Instant::now() >= due, "a timer was early");
                    ns(due)
                })
            })
            .collect();
        assert!(Instant::now() < first, "LEAD_MS is too short to make them all");
        let mut late = Vec::with_capacity(n);
        for task in tasks {
            late.push(task.await.unwrap());
        }
        let cpu = cpu_ns();
        report_spread("late", late);
        report_each("cpu", "s", cpu, 1_000_000_000);
    });
}

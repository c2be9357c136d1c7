// SPDX-License-Identifier: MIT
// Tokio's side of memory: tasks wait for a semaphore that is closed in the end. They have no stack.
use bench::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// base is the memory before the first: a pass uses what the one before it left, too.
async fn pass(size: &str, n: usize, base: i64) {
    let gate = Arc::new(Semaphore::new(0));
    let ready = Arc::new(Semaphore::new(0));
    let mut tasks = Vec::with_capacity(n);
    let begin = Instant::now();
    for _ in 0..n {
        let (gate, ready) = (gate.clone(), ready.clone());
        tasks.push(tokio::spawn(async move {
            ready.add_permits(1);
            assert!(gate.acquire().await.is_err());
        }));
    }
    ready.acquire_many(n as u32).await.unwrap().forget();
    let (created, bytes) = (ns(begin), memory_bytes() - base);
    let (cpu, asleep) = (cpu_ns(), Instant::now());
    tokio::time::sleep(Duration::from_millis(param("ASLEEP_MS") as u64)).await;
    let (cpu, slept) = (cpu_ns() - cpu, ns(asleep));
    let wake = Instant::now();
    gate.close();
    for task in tasks {
        task.await.unwrap();
    }
    let woken = ns(wake);
    report_each(&format!("{size}_bytes"), "B/task", bytes, n);
    report_each(&format!("{size}_create"), "ns/task", created, n);
    report_each(&format!("{size}_wake"), "ns/task", woken, n);
    report_each(&format!("{size}_cpu"), "%", 100 * cpu, slept as usize);
}

fn main() {
    run(async {
        let base = memory_bytes();
        for size in ["few", "many"] {
            let n = param(&size.to_uppercase());
            if n > 0 {
                pass(size, n, base).await;
            }
        }
    });
}

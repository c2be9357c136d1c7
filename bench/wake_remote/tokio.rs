// SPDX-License-Identifier: MIT
// Tokio's side of wake_remote.
use bench::*;
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

fn main() {
    run(async {
        let (wakes, gap) = (param("WAKES"), Duration::from_micros(param("GAP_US") as u64));
        let wake = Arc::new(Notify::new());
        let begin = Arc::new(Mutex::new(Instant::now()));
        let (answer, answered) = mpsc::channel();
        let (waker, begun) = (wake.clone(), begin.clone());
        let thread = std::thread::spawn(move || {
            for _ in 0..wakes {
                std::thread::sleep(gap); // the worker goes to sleep meanwhile
                *begun.lock().unwrap() = Instant::now();
                waker.notify_one();
                answered.recv().unwrap();
            }
        });
        let mut late = Vec::with_capacity(wakes);
        for _ in 0..wakes {
            wake.notified().await;
            late.push(ns(*begin.lock().unwrap()));
            answer.send(()).unwrap();
        }
        thread.join().unwrap();
        report_spread("wake", late);
    });
}

// SPDX-License-Identifier: MIT
// Rayon's side of chained_spawn: a scope, whose end is that of the last.
use bench::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn link<'a>(scope: &rayon::Scope<'a>, left: usize, ran: &'a AtomicUsize) {
    ran.fetch_add(1, Ordering::Relaxed);
    if left > 0 {
        scope.spawn(move |scope| link(scope, left - 1, ran));
    }
}

fn pass(n: usize) -> i64 {
    let ran = AtomicUsize::new(0);
    let begin = Instant::now();
    rayon::scope(|scope| scope.spawn(|scope| link(scope, n - 1, &ran)));
    let time = ns(begin);
    assert_eq!(ran.load(Ordering::Relaxed), n);
    time
}

fn main() {
    run(|| {
        let n = param("CHAIN");
        pass(n / 10 + 1);
        report_each("plain", "ns/task", pass(n), n);
    });
}

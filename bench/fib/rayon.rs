// SPDX-License-Identifier: MIT
// Rayon's side of fib: a join for each call. Its tasks cannot wait for anything but their children.
use bench::*;
use std::time::Instant;

fn fib(n: usize) -> usize {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn pass(n: usize) -> i64 {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    let begin = Instant::now();
    let value = fib(n);
    let time = ns(begin);
    assert_eq!(value, a);
    time
}

fn main() {
    run(|| {
        let n = param("N");
        pass(n.saturating_sub(4));
        report_each("plain", "ms", pass(n), 1_000_000);
    });
}

// SPDX-License-Identifier: MIT
// Rayon's side of skynet: a scope for each node that is not a leaf, a spawn for each child.
use bench::*;
use std::time::Instant;

fn sky(first: usize, leaves: usize, fanout: usize) -> usize {
    if leaves == 1 {
        return first;
    }
    let part = leaves / fanout;
    let mut sums = [0; 16];
    rayon::scope(|scope| {
        for (i, sum) in sums[..fanout].iter_mut().enumerate() {
            scope.spawn(move |_| *sum = sky(first + i * part, part, fanout));
        }
    });
    sums.iter().sum()
}

fn pass(leaves: usize, fanout: usize) -> i64 {
    let begin = Instant::now();
    let sum = sky(0, leaves, fanout);
    let time = ns(begin);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    time
}

fn main() {
    run(|| {
        let fanout = param("FANOUT");
        let leaves = fanout.pow(param("DEPTH") as u32);
        pass(leaves, fanout);
        report_each("plain", "ms", pass(leaves, fanout), 1_000_000);
    });
}

// SPDX-License-Identifier: MIT
// Rayon's side of uts: a spawn for each node.
mod tree;
use bench::*;
use std::time::Instant;
use tree::*;

fn visit(node: Node, shape: Shape) -> usize {
    let n = node.children(shape);
    let mut parts = [0; 100];
    if n > 0 {
        rayon::scope(|scope| {
            for (i, part) in parts[..n].iter_mut().enumerate() {
                let child = node.child(i);
                scope.spawn(move |_| *part = visit(child, shape));
            }
        });
    }
    1 + parts[..n].iter().sum::<usize>()
}

fn pass(seed: usize, shape: Shape) -> i64 {
    let begin = Instant::now();
    let nodes = visit(root(seed), shape);
    let time = ns(begin);
    check(nodes, shape);
    time
}

fn main() {
    run(|| {
        let (branching, depth, seed) = (param("BRANCHING"), param("DEPTH"), param("SEED"));
        pass(seed, Shape { branching, depth: depth - 2 });
        report_each("plain", "ms", pass(seed, Shape { branching, depth }), 1_000_000);
    });
}

// SPDX-License-Identifier: MIT
// Tokio's side of uts: a task for each node.
mod tree;
use bench::*;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;
use tree::*;

fn visit(node: Node, shape: Shape) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        let tasks: Vec<_> = (0..node.children(shape))
            .map(|i| tokio::spawn(visit(node.child(i), shape)))
            .collect();
        let mut nodes = 1;
        for task in tasks {
            nodes += task.await.unwrap();
        }
        nodes
    })
}

async fn pass(seed: usize, shape: Shape) -> i64 {
    let begin = Instant::now();
    let nodes = tokio::spawn(visit(root(seed), shape)).await.unwrap();
    let time = ns(begin);
    check(nodes, shape);
    time
}

fn main() {
    run(async {
        let (branching, depth, seed) = (param("BRANCHING"), param("DEPTH"), param("SEED"));
        pass(seed, Shape { branching, depth: depth - 2 }).await;
        report_each("plain", "ms", pass(seed, Shape { branching, depth }).await, 1_000_000);
    });
}

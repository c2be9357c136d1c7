// SPDX-License-Identifier: MIT
// What every benchmark program in Rust shares; harness/bench.h says what the arguments mean.
use std::time::Instant;

pub fn param(name: &str) -> usize {
    std::env::args()
        .filter_map(|a| a.split_once('=').map(|(n, v)| (n.to_string(), v.to_string())))
        .find(|(n, _)| n == name)
        .unwrap_or_else(|| panic!("no {name}"))
        .1
        .parse()
        .unwrap()
}

pub fn workers() -> usize {
    std::env::args().nth(1).unwrap().parse().unwrap()
}

/// Runs the measuring task as a task: block_on itself runs on no worker.
#[cfg(feature = "on_tokio")]
pub fn run<F: std::future::Future<Output = ()> + Send + 'static>(measure: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_time()
        .build()
        .unwrap()
        .block_on(async { tokio::spawn(measure).await.unwrap() });
}

/// Runs the measuring function on a thread of the pool.
#[cfg(feature = "on_rayon")]
pub fn run<F: FnOnce() + Send>(measure: F) {
    rayon::ThreadPoolBuilder::new().num_threads(workers()).build().unwrap().install(measure);
}

pub fn ns(begin: Instant) -> i64 {
    begin.elapsed().as_nanos() as i64
}

pub fn report_each(metric: &str, unit: &str, total: i64, n: usize) {
    println!("{metric} {unit} {:.6}", total as f64 / n as f64);
}

pub fn report_spread(name: &str, mut ns: Vec<i64>) {
    ns.sort_unstable();
    let n = ns.len();
    report_each(&format!("{name}_p50"), "us", ns[n / 2], 1000);
    report_each(&format!("{name}_p99"), "us", ns[n - 1 - n / 100], 1000);
    report_each(&format!("{name}_max"), "us", ns[n - 1], 1000);
}

fn words(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Run time of all threads, from the scheduler's own nanoseconds.
pub fn cpu_ns() -> i64 {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|t| t.unwrap().path().join("schedstat"))
        .map(|p| words(p.to_str().unwrap()).split(' ').next().unwrap().parse::<i64>().unwrap())
        .sum()
}

pub fn memory_bytes() -> i64 {
    words("/proc/self/status")
        .lines()
        .filter(|l| l.starts_with("VmRSS:") || l.starts_with("VmPTE:"))
        .map(|l| l.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1024)
        .sum()
}

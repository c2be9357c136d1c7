// SPDX-License-Identifier: MIT
// Tokio's side of file_read: a positioned read on its pool of blocking threads, as its own file
// type does it, but without a seek.
use bench::*;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Instant;

fn create(mib: usize) -> File {
    let path = std::env::temp_dir().join(format!("rove-bench-{}", std::process::id()));
    let mut file =
        File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for i in 0..mib as u64 {
        let words: Vec<u8> =
            (0..1u64 << 17).flat_map(|k| ((i << 20) + k * 8).to_le_bytes()).collect();
        file.write_all(&words).unwrap();
    }
    file
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

async fn read(file: Arc<File>, mut state: u64, reads: usize, mib: usize, size: usize) {
    let mut block = vec![0; size];
    for _ in 0..reads {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let at = (state >> 33) % (mib << 20).wrapping_div(size) as u64 * size as u64;
        let file = file.clone();
        block = tokio::task::spawn_blocking(move || {
            file.read_exact_at(&mut block, at).unwrap();
            block
        })
        .await
        .unwrap();
        assert_eq!(word(&block[..8]), at);
        assert_eq!(word(&block[size - 8..]), at + size as u64 - 8);
    }
}

async fn pass(file: &Arc<File>, tasks: usize, reads: usize) -> i64 {
    let begin = Instant::now();
    let all: Vec<_> = (0..tasks)
        .map(|i| {
            let file = file.clone();
            tokio::spawn(read(file, i as u64 + 1, reads / tasks, param("MIB"), param("BYTES")))
        })
        .collect();
    for task in all {
        task.await.unwrap();
    }
    ns(begin)
}

fn main() {
    run(async {
        let (tasks, reads) = (param("TASKS"), param("READS"));
        let file = Arc::new(create(param("MIB")));
        pass(&file, tasks, reads / 10).await;
        let cpu = cpu_ns();
        let (time, n) = (pass(&file, tasks, reads).await, reads / tasks * tasks);
        report_each("plain", "ns/read", time, n);
        report_each("cpu", "ns/read", cpu_ns() - cpu, n);
    });
}

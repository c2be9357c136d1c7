// SPDX-License-Identifier: MIT
// Java's side of memory: virtual threads wait for a CountDownLatch.
import java.util.concurrent.CountDownLatch;

final class Main {
    // base is the memory before the first: a pass uses what the one before it left, too.
    private static void pass(String size, int n, long base) throws Exception {
        CountDownLatch ready = new CountDownLatch(n);
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(n);
        long begin = System.nanoTime();
        for (int i = 0; i < n; i++) {
            Bench.start(() -> {
                ready.countDown();
                release.await();
                done.countDown();
            });
        }
        ready.await();
        long created = Bench.since(begin);
        long bytes = Bench.memoryBytes() - base;
        long cpu = Bench.cpuNs();
        long asleep = System.nanoTime();
        Thread.sleep(Bench.param("ASLEEP_MS"));
        cpu = Bench.cpuNs() - cpu;
        long slept = Bench.since(asleep);
        long wake = System.nanoTime();
        release.countDown();
        done.await();
        long woken = Bench.since(wake);
        Bench.reportEach(size + "_bytes", "B/task", bytes, n);
        Bench.reportEach(size + "_create", "ns/task", created, n);
        Bench.reportEach(size + "_wake", "ns/task", woken, n);
        Bench.reportEach(size + "_cpu", "%", 100.0 * cpu, slept);
    }

    public static void main(String[] args) throws Exception {
        Bench.init(args);
        long base = Bench.memoryBytes();
        if (Bench.param("FEW") > 0) {
            pass("few", Bench.param("FEW"), base);
        }
        if (Bench.param("MANY") > 0) {
            pass("many", Bench.param("MANY"), base);
        }
    }
}

// SPDX-License-Identifier: MIT
// Java's side of chained_spawn.
import java.util.concurrent.CountDownLatch;

final class Main {
    private static int ran; // one link runs at a time, each after the one before

    private static void link(int left, CountDownLatch ended) {
        Bench.start(() -> {
            ran++;
            if (left == 0) {
                ended.countDown();
            } else {
                link(left - 1, ended);
            }
        });
    }

    private static long pass(int n) throws InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        ran = 0;
        long begin = System.nanoTime();
        link(n - 1, ended);
        ended.await();
        long ns = Bench.since(begin);
        Bench.check(ran == n, "a link is missing");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("CHAIN");
        Bench.run(() -> {
            pass(n / 10 + 1);
            Bench.reportEach("plain", "ns/task", pass(n), n);
        });
    }
}

// SPDX-License-Identifier: MIT
// Java's side of mutex: a ReentrantLock, which parks a virtual thread.
import java.util.concurrent.locks.ReentrantLock;

final class Main {
    private static int counter;

    private static long pass(int n, int each) throws InterruptedException {
        ReentrantLock mutex = new ReentrantLock();
        Thread[] all = new Thread[n];
        counter = 0;
        long begin = System.nanoTime();
        for (int t = 0; t < n; t++) {
            all[t] = Bench.start(() -> {
                for (int i = 0; i < each; i++) {
                    mutex.lock();
                    counter++;
                    mutex.unlock();
                }
            });
        }
        Bench.joinAll(all);
        long ns = Bench.since(begin);
        Bench.check(counter == n * each, "a lock that does not exclude");
        return ns;
    }

    public static void main(String[] args) throws InterruptedException {
        Bench.init(args);
        int n = Bench.param("TASKS");
        int each = Bench.param("LOCKS") / n;
        Bench.run(() -> {
            pass(n, each / 10 + 1);
            Bench.reportEach("plain", "ns/lock", pass(n, each), (double) n * each);
        });
    }
}
